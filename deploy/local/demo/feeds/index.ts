/** The demo's publishers. */
import { startClinicFeed } from './clinic-visits-feed.ts';
import { startOrdersFeed } from './customs-orders-feed.ts';
import type { Feed, FeedContext, FeedProgress } from './feed.ts';
import { startFlightsFeed, startSensorsFeed } from './file-feeds.ts';

export type { FeedContext, FeedProgress } from './feed.ts';

export interface RunningFeeds {
  progress(): readonly FeedProgress[];
  stop(): Promise<void>;
}

/** Starts all four. Throws when the Kafka producer cannot start: the demo's accounts and topics must be there. */
export async function runFeeds(context: FeedContext): Promise<RunningFeeds> {
  const feeds: Feed[] = [startOrdersFeed(context), startSensorsFeed(context), startFlightsFeed(context)];
  const stop = async (): Promise<void> => void (await Promise.all(feeds.map((feed) => feed.stop())));
  try {
    feeds.unshift(await startClinicFeed(context));
  } catch (error) {
    await stop();
    throw error;
  }
  return { progress: () => feeds.map((feed) => feed.progress()), stop };
}
