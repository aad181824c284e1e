/** How the parts of a Chinese address end, and the words around an address. */

export type PartLevel = 'province' | 'city' | 'district' | 'town' | 'road' | 'village' | 'estate' | 'number';

/**
 * Markers by level, without those that only stand behind a number. Names of a part are at most so long; a compound that begins with a marker
 * (市场, 路过) or ends with one (城市, 公路) is none.
 */
export const markers: readonly { readonly level: PartLevel; readonly words: readonly string[]; readonly nameMax: number }[] = [
  { level: 'province', words: ['省', '自治区', '特别行政区'], nameMax: 5 },
  { level: 'city', words: ['市', '自治州', '地区', '盟'], nameMax: 7 },
  { level: 'district', words: ['新区', '区', '自治县', '县', '自治旗', '旗', '开发区', '高新区', '经开区'], nameMax: 7 },
  { level: 'town', words: ['街道', '镇', '乡', '苏木'], nameMax: 5 },
  { level: 'village', words: ['村', '屯', '新村', '社区', '庄村', '村委会'], nameMax: 5 },
  { level: 'road', words: ['大道', '大街', '路', '街', '巷', '胡同', '弄', '里弄', '东道', '西道', '南道', '北道'], nameMax: 6 },
  {
    level: 'estate',
    words:
      '小区 花园 家园 公寓 大厦 广场 新苑 佳苑 花苑 雅苑 名苑 苑 公馆 大楼 写字楼 科技园 产业园 创业园 工业园 园区 商城 国际 中心 山庄 名邸 名城 新城 新天地 府 湾 宿舍 家属院 大院 学院 大学 医院 坊 里 庭 轩 居 城 郡 墅 邸 园'.split(
        ' ',
      ),
    nameMax: 8,
  },
];

/** Markers that stand behind a number, letters or a Chinese numeral. */
export const numberMarkers = '号楼 号院 号 栋 幢 座 单元 室 层 楼 组 队 户 弄 门 房 社 支弄 期 区 铺 档 #'.split(' ');
/** Those that an address may begin with, 3栋2单元501室; 3号 is also a day, and 2组 a count. */
export const buildingMarkers = new Set(['栋', '幢', '号楼', '单元', '室']);

/** Compounds that begin with a marker and are none. */
export const noMarkers =
  '市场 市民 市值 市价 市面 市政 市级 市委 市区 市长 市内 市外 区别 区域 区分 区间 区级 区块 路过 路上 路线 路由 路途 路程 路径 路费 路况 路灯 路面 路边 路政 路网 路易 路演 县级 县城 县委 县长 镇定 镇静 镇痛 镇长 镇政 乡亲 乡镇 乡村 乡下 乡愁 村民 村委 村长 村干 村里 村庄 村支 街上 街头 街坊 楼上 楼下 楼市 楼盘 楼道 楼梯 室内 室外 室友 室温 室性 号码 号称 号召 号线 省级 省份 省委 省长 省钱 省心 省略 省时 省力 省事 省内 省外 省会 府上 里面 里边 里程 里头 城市 城乡 城镇 城区 园林 园艺 居民 居住 居家 居委 居然 门诊 门口 门窗 门店 门票 门禁 房屋 房间 房子 房产 房租 房东 房源 房价 层面 层次 组织 组成 组合 组长 队伍 队员 队长 户主 户籍 户口 户外 户型 期间 期限 期末 社会 社保 国际化 国际贸 中心化 中心思 大学生 医院方 街道办 医院里 铺设 档案 档次 湾区 路段上 旗下 旗帜 旗舰 盟友 盟约'.split(
    ' ',
  );
/** Words that end with a marker and name no place. */
export const noPlaces = new Set(
  '城市 超市 股市 上市 门市 夜市 集市 都市 全市 本市 我市 该市 各市 县市 本省 我省 全省 各省 外省 节省 该省 地区 小区 社区 园区 校区 景区 厂区 院区 片区 辖区 市区 城区 郊区 山区 灾区 特区 专区 病区 禁区 误区 库区 战区 牧区 林区 全区 各区 本区 我区 该区 老区 乡镇 城镇 村镇 全县 该县 本县 我县 各县 贫困县 冰镇 坐镇 老乡 家乡 下乡 故乡 城乡 回乡 返乡 同乡 农村 乡村 全村 本村 我村 该村 各村 驻村 进村 入村 公路 道路 铁路 线路 思路 电路 网路 走路 马路 一路 出路 退路 套路 沿路 半路 绕路 修路 问路 让路 高速路 大街 逛街 上街 一条街 步行街 过街 小巷 街巷 政府 学府 国际 城 里 家里 这里 那里 哪里 公里 心里 手里 夜里 屋里 村里 院里 公园 校园 幼儿园 动物园 邻居 定居 居 新居 家庭 法庭 开庭 出庭 中心 服务中心 核心 数据中心 医院 学院 大学 住院 出院 入院 全院 我院 本院 该院 工业园 宿舍 广场 商城 长城 县城 全城 进城 大厦 大楼'.split(
    ' ',
  ),
);

/** Characters that no name of a place has: what is before them does not belong to it. */
export const breaking =
  '的住在到至从去是为了及或我你他她它们址送寄离这那某对将把被让给就也还则且已即叫称说请找想应该每各其哦呢吗吧啊不没很最更要您谁什么与把件收发货处单按查见个并因此';
/** Characters that break a name only where it has two characters already: 公司和西湖区, but 和平区. */
export const breakingLater = '都点和来向经原前后会过回现有日天晚早昨今明午跟同当用于家自据往则由可能帮找院人员者';

/** Words before an address that say that it is one. */
export const announcing =
  '住 住在 家住 现住 居住 居住于 居住在 租住 暂住 地址 住址 住所 位于 坐落 坐落于 户籍 户籍地 户籍地址 籍贯 送到 送至 送往 寄到 寄至 寄往 发到 发往 配送至 收货 收件 搬到 搬至 家在 注册地 注册地址 经营地址 办公地址 通讯地址 联系地址 家庭地址 收货地址 邮寄地址 地点 现居 常住 来自 老家 老家在 上门 前往 到达 赶到 赶往 送货到 迁至 迁往 出生于 生于 身份证地址 详细地址 address addr'.split(
    ' ',
  );

/** Words behind a place that make it an office or a thing of many people; with a number it stays an address. */
export const officesBehind =
  '人民政府 政府 派出所 公安 分局 法院 检察院 医院 卫生 学校 小学 中学 大学 幼儿园 银行 支行 公司 办事处 街道办 居委会 村委会 委员会 管委会 局 委 站 院 厅 所 中心 服务 的 发展 经济 旅游 教育 交通 拥堵 发生 将 正 新增 发布 全域 今年 召开 举办 推进 开展 实施 启动 开工 改造 建设 周边 附近 一带 段 沿线 市场监督 市场 消防 城管 税务 民政 农业 文旅 文化 地铁'.split(
    ' ',
  );
