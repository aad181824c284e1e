/**
 * Sentences in which something looks like an identifier and is none, by the kind that it looks like. Nothing in them may be taken for that kind.
 * As with the templates, an even index is for tuning and an odd one is held out.
 */
import type { Random } from './random.ts';
import { companies, generalPlaces } from './made-places.ts';
import { wrongResidentId } from './made-numbers.ts';

const symbols = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const two = (value: number): string => String(value).padStart(2, '0');
const day = (random: Random): string => `${random.whole(2015, 2026)}${two(random.whole(1, 12))}${two(random.whole(1, 28))}`;
const imei = (random: Random): string => random.of(['86', '35', '99']) + random.digits(13);

type Made = (random: Random) => string;
export const nearMisses: Readonly<Record<string, readonly (string | Made)[]>> = {
  'resident-id': [
    (random) => `订单编号${day(random)}${random.digits(10)}已发货，请注意查收。`,
    (random) => `交易参考${wrongResidentId(random)}，状态成功。`,
    (random) => `批次 ${random.digits(20)} 已入库，共${random.whole(2, 90)}箱。`,
    (random) => `手机串号${imei(random)}，型号P60。`,
    (random) => `流水 ${wrongResidentId(random)} 对账不平，请财务核对。`,
    (random) => `传感器上报序列 ${random.digits(18)}${random.letters(2)}，电量充足。`,
    (random) => `IMEI: ${imei(random)} / ${imei(random)}`,
    (random) => `支付宝交易号${day(random)}22001${random.digits(15)}，付款成功。`,
  ],
  'social-credit-code': [
    (random) => `设备唯一码${random.letters(18, symbols)}已激活。`,
    (random) => `对账流水${random.digits(18)}重复，请核实。`,
    (random) =>
      `许可密钥 91${random.of(['330106', '110105'])}${random.letters(10, symbols)} 无效。`.replace(/[A-Y0-9](?= 无)/, 'Z'),
    (random) => `追溯码${random.letters(2)}${random.digits(16)}，扫码可查。`,
    (random) => `提交号${random.letters(18, '0123456789abcdef')}回滚后正常。`,
    (random) => `轨迹编号Q${random.letters(17, symbols)}，已归档。`,
  ],
  'bank-card': [
    (random) => `物流单号${random.of(['7', '1', '3'])}${random.digits(15)}运输中，请耐心等待。`,
    (random) => `微信支付单号 ${random.of(['10000', '42000'])}${random.digits(23)}。`,
    (random) => `条形码69${random.digits(11)}，生产日期见包装。`,
    (random) => `订单${day(random)}${random.digits(8)}待付款，请在30分钟内支付。`,
    (random) => `快递 ${random.of(['4', '6', '7'])}${random.digits(14)} 已到达<place>分拨中心。`,
    (random) => `合同编号 ${random.digits(16)}，有效期一年。`,
    (random) => `时间戳1${random.digits(12)}，延迟${random.digits(3)}毫秒。`,
    (random) => `设备序列号${random.digits(19)}，固件已更新。`,
  ],
  'mobile': [
    (random) => `快递单号${random.of(['75', '77', '43'])}${random.digits(10)}已签收。`,
    (random) => `库存编码1${random.of(['0', '1', '2'])}${random.digits(9)}，数量${random.whole(3, 99)}。`,
    (random) => `金额合计${random.digits(1)}.${'13' + random.digits(9)}万元，四舍五入。`,
    (random) => `资产编号A13${random.digits(9)}已报废。`,
    (random) => `流水13${random.digits(12)}处理失败，请重试。`,
    (random) =>
      `请求耗时${random.whole(100, 999)}ms，traceId=13${random.digits(9)}${random.letters(1, 'abcdef')}${random.digits(4)}`,
    (random) => `客服热线${random.of(['95588', '12345', '10086', '4008123123', '400-820-8820'])}，24小时服务。`,
    (random) => `QQ群${random.of(['2', '5', '7'])}${random.digits(8)}，欢迎加入。`,
  ],
  'landline': [
    (random) => `零件图号${random.digits(4)}-${random.digits(4)}-${random.digits(4)}，图纸第3版。`,
    (random) => `日期${random.whole(2015, 2026)}-${two(random.whole(1, 12))}-${two(random.whole(1, 28))}，时段08:00-17:30。`,
    (random) => `比分${random.whole(10, 99)}-${random.whole(10, 99)}，观众${random.digits(5)}人。`,
    (random) => `书号978-7-${random.digits(3)}-${random.digits(5)}-${random.digits(1)}。`,
    (random) => `坐标（${random.whole(10, 99)}.${random.digits(6)}，${random.whole(100, 130)}.${random.digits(6)}）附近有积水。`,
    (random) => `服务热线400-${random.digits(3)}-${random.digits(4)}，每天9:00-18:00。`,
    (random) => `预算区间${random.whole(20, 80)}000-${random.whole(81, 99)}000元。`,
    (random) => `航班CA${random.digits(4)}，票号999-${random.digits(10)}。`,
  ],
  'plate': [
    (random) => `最新A${random.digits(5)}型设备已上线，产能提升一成。`,
    (random) => `川菜馆人均${random.whole(30, 200)}元，粤菜稍贵。`,
    (random) => `云A平台第${random.digits(3)}期培训报名中。`,
    (random) => `京东E卡${random.digits(4)}元面值，支持退换。`,
    (random) => `苏B标段${random.digits(3)}米道路已完工。`,
    (random) => `创新C${random.digits(5)}号课题通过验收。`,
    (random) => `贵公司V${random.digits(5)}号来函收悉。`,
    (random) => `浙江A股上市公司共${random.digits(3)}家。`,
  ],
  'passport': [
    (random) => `型号E${random.digits(6)}的轴承缺货，替代型号G${random.digits(5)}。`,
    (random) => `零件P${random.digits(8)}库存不足。`,
    (random) => `工单号E${random.digits(8)}已关闭。`,
    (random) => `批号G${day(random)}，有效期两年。`,
    (random) => `样品S${random.digits(8)}检测合格。`,
    (random) => `诊断编码E${random.whole(10, 14)}.${random.digits(3)}，E${random.digits(2)}.9待排。`,
    (random) => `课程D${random.digits(8)}本周停课。`,
    (random) => `发票代码E${random.digits(10)}，已作废。`,
  ],
  'email': [
    () => '图标文件logo@2x.png已上传，请前端替换。',
    (random) => `依赖vue@${random.whole(2, 3)}.${random.digits(1)}.${random.digits(2)}升级后构建失败。`,
    () => '大家好，@所有人 今天下午三点开会。',
    (random) => `价格@${random.digits(3)}元/吨，环比持平。`,
    () => '请在群里@管理员处理。',
    (random) => `root@localhost:~# tail -n ${random.digits(2)} app.log`,
  ],
  'ip': [
    (random) => `固件版本${random.whole(1, 9)}.${random.whole(0, 20)}.${random.whole(0, 20)}.${random.whole(0, 99)}已发布。`,
    (random) => `见规范第${random.whole(1, 9)}.${random.whole(1, 9)}.${random.whole(1, 9)}.${random.whole(1, 9)}节。`,
    (random) =>
      `软件升级到${random.whole(1, 9)}.${random.digits(1)}.${random.digits(1)}.${random.digits(1)}.${random.digits(1)}后正常。`,
    (random) => `比赛用时${two(random.whole(0, 9))}:${two(random.whole(0, 59))}:${two(random.whole(0, 59))}，创纪录。`,
    (random) => `Chrome/12${random.digits(1)}.0.${random.whole(1000, 9999)}.${random.whole(256, 999)} 下页面错位。`,
    (random) => `MAC地址00:1b:44:11:${random.whole(10, 99)}:b7已登记。`,
    (random) => `标准库std::vector和std::map用法见附录${random.digits(1)}。`,
    (random) =>
      `时间${two(random.whole(0, 23))}:${two(random.whole(0, 59))}:${two(random.whole(0, 59))}，电压${random.digits(3)}.${random.digits(1)}伏。`,
  ],
  'name': [
    () => '高血压和高血脂都需要长期管理，不能随意停药。',
    () => '王牌产品卖得很好，马上要补货。',
    () => '白天和晚上都有人值班，方面很多，何时换班另议。',
    () => '周一到周五上班，周末休息，于是大家都很高兴。',
    () => '温度过高会触发告警，常规处理即可。',
    (random) => `${random.of(companies)}今日公告，预计净利润增长${random.whole(5, 60)}%。`,
    () => '金额不对，应该是方案一的单价，石材另算。',
    (random) => `采购了${random.of(companies)}的设备，安装调试已完成。`,
    () => '江苏和安徽签了合作协议，任务明确，时间紧张。',
    (random) => `${random.of(companies)}与我市签约，项目总投资${random.whole(2, 90)}亿元。`,
    () => '张贴海报，宣传政策，常年开展普法活动。',
    () => '鲁迅路上的向日葵开了，花园里景色宜人。',
    () => '施工方要加强管理，严格按照安全规程操作，时刻注意。',
    () => '计划单列市的成本核算，连续三年保持平稳，广泛征求意见。',
    () => '石家庄的冬天比较冷，水管容易冻裂，应急队伍已到位。',
    () => '万一出现问题，任何人都可以终止流程，解决方法见文档。',
    () => '海外订单增加，利润率提高，商务部门正在跟进。',
    () => '牛奶、鸡蛋、黄瓜、白菜价格平稳，米面油供应充足。',
    () => '左侧颈总动脉未见异常，双侧甲状腺大小正常，血管通畅。',
    () => '农村公路建设成效显著，古镇旅游收入大幅增长。',
  ],
  'address': [
    () => '浙江省的经济总量位居全国前列，杭州市贡献突出。',
    (random) => `${random.of(generalPlaces)}今年新增就业${random.whole(2, 90)}万人。`,
    (random) => `${random.of(generalPlaces)}和${random.of(generalPlaces)}签署合作协议。`,
    () => '城市道路建设加快，小区环境明显改善，市场秩序良好。',
    () => '这条路走不通，要换一个思路，号召大家一起想办法。',
    (random) => `${random.of(generalPlaces)}人民政府办公室印发通知。`,
    () => '全省各市县区要高度重视乡镇卫生院建设。',
    (random) => `${random.whole(1, 12)}月${random.whole(1, 28)}号楼市数据发布，成交回暖。`,
    (random) => `地铁${random.whole(1, 9)}号线施工，${random.of(generalPlaces)}部分路段拥堵。`,
    () => '实验室、会议室和办公室都要打扫，楼道不堆物。',
    () => '杭州市西湖区文化馆将举办摄影展，欢迎市民参观。',
    (random) => `第${random.whole(1, 20)}组第${random.whole(1, 9)}号选手得分最高。`,
    () => '乡村振兴要因地制宜，村村通公路，镇镇有医院。',
    (random) => `${random.of(generalPlaces)}区域协调发展，道路交通便利。`,
  ],
};
