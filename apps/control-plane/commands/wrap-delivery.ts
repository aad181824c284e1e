/** Wraps the secret of a delivery before it is stored anywhere. */
import { timingSafeEqual } from 'node:crypto';

import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Delivery, KeyVault, WrappedKey } from '../../../libs/catalog/index.ts';
import { deliveryContext } from '../../../libs/catalog/index.ts';

/** A delivery as it is put: with its secret in clear. */
export type DeliveryInput =
  | { readonly kind: 'kafka' }
  | {
      readonly kind: 'mirror';
      readonly brokers: readonly string[];
      readonly topic: string;
      readonly username: string;
      readonly password: string;
    }
  | { readonly kind: 'webhook'; readonly url: string; readonly secret: string; readonly batchRecordsMax: number };

const secretPrefix = 'whsec_';

/**
 * The delivery with its secret wrapped for the context `delivery/<agreement>`. A secret equal to the one that `known` holds keeps that
 * wrapping, so that putting the same delivery again changes nothing.
 */
export async function wrapDelivery(
  vault: KeyVault,
  agreement: string,
  input: DeliveryInput,
  known: Delivery | null,
): Promise<Result<Delivery>> {
  const context = deliveryContext(agreement);
  if (input.kind === 'kafka') return ok(input);
  if (input.kind === 'mirror') {
    const { password, ...rest } = input;
    const wrapped = await wrap(vault, context, Buffer.from(password, 'utf8'), known?.kind === 'mirror' ? known.password : null);
    return wrapped.ok ? ok({ ...rest, password: wrapped.value }) : during('wrapping the password of the mirror', wrapped.failure);
  }
  const { secret, ...rest } = input;
  const bytes = webhookSecretBytes(secret);
  if (!bytes.ok) return bytes;
  const wrapped = await wrap(vault, context, bytes.value, known?.kind === 'webhook' ? known.secret : null);
  return wrapped.ok ? ok({ ...rest, secret: wrapped.value }) : during('wrapping the secret of the webhook', wrapped.failure);
}

/** The bytes of a `whsec_` secret: base64, 24 to 64 bytes (Standard Webhooks, signature scheme). */
function webhookSecretBytes(secret: string): Result<Buffer> {
  const text = secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : '';
  const bytes = Buffer.from(text, 'base64');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (isBase64 && bytes.length >= 24 && bytes.length <= 64) return ok(bytes);
  return fail('request-invalid', 'the secret must be whsec_ and the base64 of 24 to 64 bytes', '/delivery/secret');
}

async function wrap(vault: KeyVault, context: string, plain: Buffer, known: WrappedKey | null): Promise<Result<WrappedKey>> {
  if (known !== null) {
    const opened = await vault.unwrap(known, context);
    if (opened.ok && opened.value.length === plain.length && timingSafeEqual(opened.value, plain)) return ok(known);
  }
  return vault.wrap(plain, context);
}

/** The other way round, for a delivery that was wrapped with a request and goes into the agreement. */
export async function openDelivery(vault: KeyVault, agreement: string, delivery: Delivery): Promise<Result<DeliveryInput>> {
  if (delivery.kind === 'kafka') return ok(delivery);
  const opened = await vault.unwrap(delivery.kind === 'mirror' ? delivery.password : delivery.secret, deliveryContext(agreement));
  if (!opened.ok) return during('opening the secret of a delivery', opened.failure);
  const bytes = Buffer.from(opened.value);
  return ok(
    delivery.kind === 'mirror'
      ? { ...delivery, password: bytes.toString('utf8') }
      : { ...delivery, secret: `${secretPrefix}${bytes.toString('base64')}` },
  );
}
