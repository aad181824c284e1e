/** Made addresses: real provinces, cities and districts, with made roads, numbers, estates and rooms. */
import { ofHalf } from './half.ts';
import type { Half } from './half.ts';
import type { Random } from './random.ts';

const districts =
  '浙江省杭州市西湖区 浙江省杭州市滨江区 浙江省杭州市余杭区 浙江省宁波市鄞州区 浙江省温州市鹿城区 浙江省绍兴市柯桥区 浙江省金华市义乌市 浙江省嘉兴市桐乡市 浙江省台州市椒江区 江苏省南京市鼓楼区 江苏省南京市江宁区 江苏省苏州市吴中区 江苏省无锡市滨湖区 江苏省徐州市铜山区 安徽省合肥市蜀山区 安徽省阜阳市临泉县 福建省福州市晋安区 福建省厦门市思明区 福建省泉州市南安市 江西省南昌市红谷滩区 江西省赣州市于都县 山东省济南市历下区 山东省青岛市市南区 山东省临沂市兰陵县 河南省郑州市金水区 河南省洛阳市涧西区 河南省周口市太康县 湖北省武汉市洪山区 湖北省宜昌市夷陵区 湖南省长沙市岳麓区 湖南省衡阳市衡南县 广东省广州市天河区 广东省深圳市南山区 广东省佛山市顺德区 广东省东莞市 广西壮族自治区南宁市青秀区 广西壮族自治区桂林市阳朔县 海南省海口市美兰区 四川省成都市武侯区 四川省绵阳市涪城区 四川省南充市阆中市 贵州省贵阳市云岩区 贵州省遵义市仁怀市 云南省昆明市盘龙区 云南省大理白族自治州大理市 陕西省西安市雁塔区 陕西省咸阳市秦都区 甘肃省兰州市城关区 青海省西宁市城东区 宁夏回族自治区银川市兴庆区 新疆维吾尔自治区乌鲁木齐市天山区 新疆维吾尔自治区喀什地区疏附县 内蒙古自治区呼和浩特市赛罕区 内蒙古自治区锡林郭勒盟多伦县 西藏自治区拉萨市城关区 辽宁省沈阳市和平区 辽宁省大连市沙河口区 吉林省长春市朝阳区 黑龙江省哈尔滨市道里区 河北省石家庄市裕华区 河北省唐山市路北区 山西省太原市小店区 北京市海淀区 北京市朝阳区 北京市昌平区 上海市浦东新区 上海市徐汇区 天津市南开区 天津市滨海新区 重庆市渝中区 重庆市江北区';
const roadNames =
  '文三 文一西 江南 中山 中山北 解放 解放南 人民 人民东 建设 建国 和平 长江 黄河 延安西 学院 科技 创业 滨河 滨江 环城北 体育场 凤起 庆春 天目山 莫干山 古墩 萍水 丰潭 教工 育才 振兴 迎宾 友谊 胜利 新华 光明 朝阳 幸福 东风 前进 向阳 花园 桃源 梅岭 玉泉 石桥 香樟 银杏 芙蓉 天府 锦绣 龙湖 珠江 南海 北海 泰山 华山 民生 民主 永安 太平 文昌 兴隆 富强 团结 劳动 工业 港湾 海滨 望江 临江';
const roadKinds = ['路', '路', '路', '街', '大道', '大街', '巷'];
const estates =
  '翠苑小区 阳光花园 金地名苑 绿城桂花园 万科城市花园 恒大绿洲 碧桂园 保利香槟国际 龙湖天街 融创公馆 中海寰宇天下 滨江凯旋门 紫金华庭 东方明珠公寓 丽景湾 御景园 幸福家园 和谐家园 春江花月 水岸新城 金色家园 锦绣江南 银泰大厦 华润大厦 科创大厦 国贸中心 万达广场 软件园 海创园 电力宿舍 机械厂家属院';
const towns =
  '五常街道 西兴街道 长河街道 仓前街道 三墩镇 瓜沥镇 横店镇 乌镇镇 柳市镇 周庄镇 花桥镇 石桥乡 大河镇 沙溪镇 双林镇 龙门乡 城关镇 东关街道 南苑街道 青山湖街道';
const villages = '石塘村 杨家村 大湾村 王家庄村 李家坪村 上坝村 下洋村 新民村 红星村 桥头村 河西村 后溪村 前山村 张村 龙泉村';

export function madeAddress(random: Random, half: Half): string {
  const one = (list: string): string => random.of(ofHalf(list.split(' '), half));
  const area = one(districts);
  const kind = random.next();
  if (kind < 0.14)
    return `${area}${one(towns)}${one(villages)}${random.of([`${random.whole(1, 15)}组`, `${random.whole(1, 9)}组${random.whole(1, 99)}号`, `${random.whole(1, 320)}号`])}`;
  const town = random.chance(0.25) ? one(towns) : '';
  const road = `${one(roadNames)}${random.of(roadKinds)}${random.whole(1, 1280)}号`;
  if (kind < 0.24) return `${road}${madeRoom(random)}`;
  if (kind < 0.34) return `${shortened(area)}${road}`;
  const estate = random.chance(0.55) ? one(estates) : '';
  const begin = kind < 0.5 ? districtOnly(area) : area;
  return `${begin}${town}${road}${estate}${random.chance(0.7) ? madeRoom(random) : ''}`;
}

/** 浙江省杭州市西湖区 as people say it: 杭州西湖区. */
const shortened = (area: string): string => area.replace(/^.{2,8}?(?:省|自治区)/, '').replace(/^(..)市(?=.)/, '$1');

const districtOnly = (area: string): string => area.replace(/^.*[市州](?=.{2,})/, '');

function madeRoom(random: Random): string {
  const [building, unit, floor] = [random.whole(1, 38), random.whole(1, 4), random.whole(1, 18)];
  const room = `${floor}${String(random.whole(1, 6)).padStart(2, '0')}`;
  return random.of([
    `${building}栋${unit}单元${room}室`,
    `${building}幢${room}室`,
    `${building}号楼${unit}单元${room}`,
    `${building}-${unit}-${room}`,
    `${random.of(['A', 'B', 'C'])}座${room}室`,
    `${building}栋${room}`,
    `${floor}楼`,
    `${room}室`,
  ]);
}

export const companies =
  '杭州云栖数据科技有限公司 宁波海港物流有限公司 金华市方圆机电有限公司 高新投资集团 马鞍山钢铁股份有限公司 张江生物医药公司 石药集团 白云山制药 康师傅控股 王府井百货 李宁体育用品公司 安踏集团 周大福珠宝 谢瑞麟珠宝 陆家嘴金融公司 江铃汽车 常熟农商行 顾家家居 方太厨具 老板电器 百度 小米 比亚迪 万科物业 金山软件 文思海辉 温氏股份 梅花生物 雷士照明 海尔智家'.split(
    ' ',
  );

export const generalPlaces =
  '浙江省 江苏省 杭州市 宁波市 西湖区 滨江区 余杭区 苏州市 安徽省 福建省 广东省 张家口市 石家庄市 马鞍山市 景德镇市 黄山市 温州市 金华市 海南省 江西省 云南省 白银市 万州区 高新区 浦东新区 雄安新区 长三角 粤港澳大湾区'.split(
    ' ',
  );
