/** Every network of the catalogue, by kind and name. */
import type { Network } from './network.ts';
import { acornads } from './networks/acornads.ts';
import { actionpay } from './networks/actionpay.ts';
import { adcash } from './networks/adcash.ts';
import { adcombo } from './networks/adcombo.ts';
import { adjust } from './networks/adjust.ts';
import { admitad } from './networks/admitad.ts';
import { adsempire } from './networks/adsempire.ts';
import { adsterra } from './networks/adsterra.ts';
import { adsterraCpa } from './networks/adsterra-cpa.ts';
import { advertizer } from './networks/advertizer.ts';
import { advidi } from './networks/advidi.ts';
import { affise } from './networks/affise.ts';
import { affiseMmp } from './networks/affise-mmp.ts';
import { affiseReach } from './networks/affise-reach.ts';
import { affonso } from './networks/affonso.ts';
import { appsflyer } from './networks/appsflyer.ts';
import { awin } from './networks/awin.ts';
import { awinPush } from './networks/awin-push.ts';
import { bemob } from './networks/bemob.ts';
import { binom } from './networks/binom.ts';
import { bolead } from './networks/bolead.ts';
import { branch } from './networks/branch.ts';
import { buygoods } from './networks/buygoods.ts';
import { cake } from './networks/cake.ts';
import { callrail } from './networks/callrail.ts';
import { cashbackos } from './networks/cashbackos.ts';
import { chargebee } from './networks/chargebee.ts';
import { cj } from './networks/cj.ts';
import { clickadu } from './networks/clickadu.ts';
import { clickbank } from './networks/clickbank.ts';
import { clickbooth } from './networks/clickbooth.ts';
import { clickdealer } from './networks/clickdealer.ts';
import { clickflare } from './networks/clickflare.ts';
import { clickmagick } from './networks/clickmagick.ts';
import { cpaRu } from './networks/cpa-ru.ts';
import { cpalead } from './networks/cpalead.ts';
import { dermoney } from './networks/dermoney.ts';
import { digistore24 } from './networks/digistore24.ts';
import { evadav } from './networks/evadav.ts';
import { everad } from './networks/everad.ts';
import { everflow } from './networks/everflow.ts';
import { exoclick } from './networks/exoclick.ts';
import { fastspring } from './networks/fastspring.ts';
import { firstpromoter } from './networks/firstpromoter.ts';
import { galaksion } from './networks/galaksion.ts';
import { goaffpro } from './networks/goaffpro.ts';
import { gumroad } from './networks/gumroad.ts';
import { hilltopads } from './networks/hilltopads.ts';
import { hotmart } from './networks/hotmart.ts';
import { impact } from './networks/impact.ts';
import { indoleads } from './networks/indoleads.ts';
import { juicyads } from './networks/juicyads.ts';
import { jvzoo } from './networks/jvzoo.ts';
import { kadam } from './networks/kadam.ts';
import { kajabi } from './networks/kajabi.ts';
import { keitaro } from './networks/keitaro.ts';
import { kintura } from './networks/kintura.ts';
import { kma } from './networks/kma.ts';
import { kuala } from './networks/kuala.ts';
import { kwai } from './networks/kwai.ts';
import { leadbit } from './networks/leadbit.ts';
import { lemonSqueezy } from './networks/lemon-squeezy.ts';
import { lemonad } from './networks/lemonad.ts';
import { linkclicky } from './networks/linkclicky.ts';
import { lospollos } from './networks/lospollos.ts';
import { m4trix } from './networks/m4trix.ts';
import { maxbounty } from './networks/maxbounty.ts';
import { mgid } from './networks/mgid.ts';
import { microjoblab } from './networks/microjoblab.ts';
import { mobidea } from './networks/mobidea.ts';
import { monetizer } from './networks/monetizer.ts';
import { mylead } from './networks/mylead.ts';
import { ogads } from './networks/ogads.ts';
import { outbrain } from './networks/outbrain.ts';
import { paddle } from './networks/paddle.ts';
import { paddleClassic } from './networks/paddle-classic.ts';
import { partnerstack } from './networks/partnerstack.ts';
import { paypal } from './networks/paypal.ts';
import { peerclick } from './networks/peerclick.ts';
import { popads } from './networks/popads.ts';
import { popcash } from './networks/popcash.ts';
import { popunderStore } from './networks/popunder-store.ts';
import { poshPartners } from './networks/posh-partners.ts';
import { postAffiliatePro } from './networks/post-affiliate-pro.ts';
import { propellerads } from './networks/propellerads.ts';
import { pushHouse } from './networks/push-house.ts';
import { rakuten } from './networks/rakuten.ts';
import { redtrack } from './networks/redtrack.ts';
import { revcontent } from './networks/revcontent.ts';
import { revenuecat } from './networks/revenuecat.ts';
import { richads } from './networks/richads.ts';
import { ringba } from './networks/ringba.ts';
import { scaleo } from './networks/scaleo.ts';
import { shakes } from './networks/shakes.ts';
import { shopify } from './networks/shopify.ts';
import { stripe } from './networks/stripe.ts';
import { taboola } from './networks/taboola.ts';
import { tapfiliate } from './networks/tapfiliate.ts';
import { terraleads } from './networks/terraleads.ts';
import { thrivecart } from './networks/thrivecart.ts';
import { trackier } from './networks/trackier.ts';
import { trafficCompany } from './networks/traffic-company.ts';
import { trafficForce } from './networks/traffic-force.ts';
import { trafficcake } from './networks/trafficcake.ts';
import { trafficmanager } from './networks/trafficmanager.ts';
import { trafficstars } from './networks/trafficstars.ts';
import { trcker } from './networks/trcker.ts';
import { tune } from './networks/tune.ts';
import { typeform } from './networks/typeform.ts';
import { voluum } from './networks/voluum.ts';
import { webvork } from './networks/webvork.ts';
import { woocommerce } from './networks/woocommerce.ts';
import { zeustrack } from './networks/zeustrack.ts';
import { zeydoo } from './networks/zeydoo.ts';

export {
  type ArrivingCall,
  arrivingCall,
  CLICK_ID,
  COMMUNITY,
  type Endpoint,
  type ExampleCall,
  type ExpectedPostback,
  type IgnoredPostback,
  type Inbound,
  type InboundCall,
  NETWORK_KINDS,
  type Network,
  type NetworkKind,
  type Outbound,
  postbackUrl,
  UNFILLED_ENDPOINT,
} from './network.ts';

export const NETWORKS: readonly Network[] = [
  affise,
  affonso,
  cake,
  cashbackos,
  everflow,
  firstpromoter,
  goaffpro,
  impact,
  partnerstack,
  postAffiliatePro,
  scaleo,
  tapfiliate,
  trackier,
  trafficmanager,
  tune,
  acornads,
  actionpay,
  adcombo,
  admitad,
  adsempire,
  adsterraCpa,
  advidi,
  affiseReach,
  awin,
  awinPush,
  bolead,
  buygoods,
  cj,
  clickbank,
  clickbooth,
  clickdealer,
  cpaRu,
  cpalead,
  dermoney,
  everad,
  indoleads,
  kma,
  kuala,
  leadbit,
  lemonad,
  lospollos,
  m4trix,
  maxbounty,
  microjoblab,
  mobidea,
  monetizer,
  mylead,
  ogads,
  poshPartners,
  rakuten,
  shakes,
  terraleads,
  trafficCompany,
  trafficcake,
  webvork,
  zeydoo,
  bemob,
  binom,
  clickflare,
  clickmagick,
  keitaro,
  kintura,
  linkclicky,
  peerclick,
  redtrack,
  trcker,
  voluum,
  zeustrack,
  adcash,
  adsterra,
  advertizer,
  clickadu,
  evadav,
  exoclick,
  galaksion,
  hilltopads,
  juicyads,
  kadam,
  kwai,
  mgid,
  outbrain,
  popads,
  popcash,
  popunderStore,
  propellerads,
  pushHouse,
  revcontent,
  richads,
  taboola,
  trafficForce,
  trafficstars,
  adjust,
  affiseMmp,
  appsflyer,
  branch,
  digistore24,
  gumroad,
  hotmart,
  jvzoo,
  lemonSqueezy,
  shopify,
  thrivecart,
  woocommerce,
  chargebee,
  fastspring,
  kajabi,
  paddle,
  paddleClassic,
  paypal,
  revenuecat,
  stripe,
  callrail,
  ringba,
  typeform,
];

/** The network of this key; undefined where there is none. */
export function networkOf(key: string): Network | undefined {
  return NETWORKS.find((network) => network.key === key);
}
