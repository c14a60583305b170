"""Texts of many kinds, written or made for these tests, by which the bounds of a prompt's tokens are held."""

import json
from random import Random

_RNG = Random(7)

ENGLISH = """The harbour was quiet when the first boats came back. Old men sat on the wall, mended their nets and talked
about the weather, as they had done every morning for forty years. A girl with a red scarf ran along the pier and
asked whether anyone had seen her brother. "He went out with the tide," said one of them, "and he'll be home before
the lamps are lit." She thanked him, bought a loaf of bread at the corner, and walked slowly up the hill. From there
you could see the whole bay, the lighthouse, and the long grey line where the sea meets the sky. It didn't look
dangerous today; nevertheless, she waited until the last sail had turned round the point.

What makes a good explanation? It begins with what the reader already knows, adds one new thing at a time, and ends
before the reader is tired. Most manuals do the opposite: they start with the history of the product, continue with
a list of warnings, and hide the one sentence that matters on page thirty-seven.
"""

GERMAN = """Die Straßenbahn fuhr langsam über die alte Brücke, während der Schaffner die Fahrkarten kontrollierte. Niemand
sprach; nur ein kleiner Junge fragte seine Großmutter, warum die Häuser am Flussufer so schmal seien. »Früher wurde
die Steuer nach der Breite berechnet«, erklärte sie geduldig, »deshalb bauten die Leute lieber in die Höhe.« Die
Verwaltungsgebäude auf der gegenüberliegenden Seite stammten aus dem neunzehnten Jahrhundert und beherbergten heute
eine Versicherungsgesellschaft sowie mehrere Rechtsanwaltskanzleien. Für die Genehmigung einer Veranstaltung benötigt
man außerdem eine Haftpflichtversicherung, einen Lageplan und die schriftliche Zustimmung aller Grundstückseigentümer.
Trotz aller Schwierigkeiten freuten sich die Bürgerinnen und Bürger auf das jährliche Sommerfest.
"""

FRENCH = """Le train s'arrêta au milieu des champs sans que personne ne sût pourquoi. Quelques voyageurs descendirent,
d'autres ouvrirent les fenêtres ; il faisait déjà très chaud. « C'est toujours la même chose », soupira une dame âgée
en cherchant son éventail. Au bout d'une heure, le contrôleur annonça qu'un troupeau de vaches occupait la voie et
qu'il fallait attendre l'éleveur. On partagea du pain, des pêches et une bouteille d'eau fraîche ; à la fin, tous
avaient oublié leur impatience et regrettèrent presque d'entendre le sifflet du départ.
"""

SPANISH = """El mercado abría a las seis de la mañana, cuando todavía hacía frío. Los vendedores colocaban las naranjas en
pirámides perfectas y discutían sobre el precio del pescado. ¿Quién iba a pagar tanto por unas sardinas? Una mujer
joven eligió despacio tres tomates, dos cebollas y un manojo de perejil; después preguntó, con mucha educación, si
podían guardarle una caja de fresas hasta el mediodía. «Por supuesto», respondió el tendero, «pero mañana no habrá más,
porque la cosecha ha sido muy pequeña este año».
"""

POLISH = """Wczesnym rankiem mgła unosiła się jeszcze nad łąkami, a ścieżka prowadząca do młyna była śliska od deszczu. Młynarz
otworzył drzwi, przeciągnął się i spojrzał na koło, które od trzech dni stało nieruchomo. „Jeżeli nie zacznie padać w
górach, będziemy musieli pożyczyć mąkę od sąsiadów” – powiedział do żony. Ona jednak tylko się uśmiechnęła, ponieważ
już słyszała, jak za lasem szumi wezbrana rzeka. Przed południem wszystkie worki były pełne.
"""

TURKISH = """Köyün ortasındaki çınar ağacının altında yaşlılar çay içiyor, çocuklar ise çeşmenin başında oynuyordu. Öğretmen,
şehirden gelen mektubu yavaşça açtı ve yüksek sesle okudu: yeni okulun inşaatı önümüzdeki ilkbaharda başlayacaktı.
Herkes sevinçle birbirine sarıldı; çünkü çocuklarımız artık her gün iki saat yürümek zorunda kalmayacaktı.
Kütüphanemizdeki kitapların çoğu komşu köylerden gönderilmişti ve raflar düğün günlerindeki gibi süslenmişti.
"""

VIETNAMESE = """Buổi sáng ở bến sông, những chiếc thuyền nhỏ chở đầy trái cây và hoa tươi nối đuôi nhau vào chợ. Bà cụ bán chè mỉm
cười với khách quen, hỏi thăm chuyện gia đình và múc thêm một thìa đậu xanh. Trẻ con chạy dọc theo con đường lát gạch,
tiếng cười vang khắp xóm. Đến trưa, khi nắng đã gắt, mọi người ngồi nghỉ dưới bóng cây đa và kể cho nhau nghe những câu
chuyện ngày xưa về các vị vua, về dòng sông và về những mùa nước nổi.
"""

RUSSIAN = """Осенью деревня пустела: дачники уезжали в город, и только старый сторож оставался у реки. По вечерам он топил печь,
чинил сети и читал вслух газету своей собаке. «Слышишь, Полкан, — говорил он, — опять обещают ранние заморозки». Собака
вздыхала и клала голову на лапы. Однажды ночью поднялся сильный ветер, сорвал крышу с лодочного сарая и повалил две
берёзы. Утром сторож обошёл берег, сосчитал убытки и написал подробное письмо председателю, в котором просил прислать
доски, гвозди и хотя бы одного помощника. Ответ пришёл через три недели: помощника не будет, но доски уже отправлены.
"""

UKRAINIAN = """Навесні подвір'я оживало: бабуся білила стіни, дід лагодив тин, а ми з сестрою садили соняшники вздовж дороги.
Щоранку приїздив поштар на старенькому велосипеді й розповідав новини з усіх навколишніх сіл. «Їхав я сьогодні через
ліс, — казав він, — і бачив лелек: отже, холоди вже не повернуться». Увечері, коли сонце сідало за пагорби, уся родина
збиралася під грушею, пила чай із м'ятою та слухала, як на ставку перегукуються жаби.
"""

GREEK = """Το νησί ήταν μικρό, με λίγα λευκά σπίτια και ένα λιμάνι όπου έδεναν οι βάρκες των ψαράδων. Κάθε πρωί ο δάσκαλος
κατέβαινε από το βουνό με το γαϊδουράκι του και χαιρετούσε όλους τους χωριανούς με το όνομά τους. «Τι νέα από την
πόλη;» τον ρωτούσαν, και εκείνος έβγαζε από την τσέπη του μια διπλωμένη εφημερίδα. Τα παιδιά περίμεναν με ανυπομονησία
το καλοκαίρι, γιατί τότε έρχονταν τα μεγάλα καράβια, γεμάτα ξένους ταξιδιώτες, μουσική και παράξενες ιστορίες.
"""

HEBREW = """בבוקר חורפי אחד יצאה סבתא לשוק כדי לקנות לחם, ביצים וירקות טריים. הרחובות היו רטובים מן הגשם, והחנוונים סידרו את
הארגזים מתחת לגגונים. "כמה עולות העגבניות היום?" שאלה, והמוכר השיב בחיוך שהן זולות יותר מאתמול. בדרך הביתה פגשה את
השכנה מן הקומה השלישית, ושתיהן ישבו על ספסל בגינה ודיברו שעה ארוכה על הילדים, על הספרים שקראו ועל הימים שבהם העיר
הייתה קטנה והים נראה מכל חלון.
"""

ARABIC = """في صباح ذلك اليوم خرج التاجر من بيته مبكراً، وحمل على ظهر الجمل أكياس التمر والقهوة متجهاً إلى سوق المدينة. كانت
الطريق طويلة والشمس حارة، غير أنه كان يعرف كل بئر وكل شجرة في الصحراء. وعندما وصل إلى الباب الكبير سأله الحارس: «من
أين أتيت، وماذا تحمل؟» فأجابه التاجر مبتسماً: «أتيت من وراء الجبال، ولا أحمل إلا ما ينفع الناس». ثم جلس في ظل الجدار
يشرب الماء البارد، ويستمع إلى حكايات المسافرين الذين جاؤوا من بلاد بعيدة لا يعرف أسماءها.
"""

PERSIAN = """روستای ما در دامنهٔ کوه قرار داشت و رودخانه‌ای کوچک از میان باغ‌های گردو می‌گذشت. هر بهار، وقتی برف‌ها آب می‌شدند،
بچه‌ها کنار پل جمع می‌شدند و قایق‌های کاغذی خود را به آب می‌انداختند. پدربزرگ همیشه می‌گفت که هر قایق، آرزویی را با خود
به دریا می‌برد. یک سال آن‌قدر باران بارید که پل خراب شد، و مردم مجبور شدند چند ماه از راه قدیمی جنگل به شهر بروند.
"""

HINDI = """गाँव के बाहर एक पुराना कुआँ था, जिसके पास हर शाम लोग इकट्ठा होते थे। बच्चे आम के पेड़ पर चढ़ते, औरतें पानी भरतीं और बूढ़े
लोग मौसम की बातें करते। एक दिन शहर से एक अध्यापक आए और उन्होंने कहा कि वे यहाँ एक छोटा सा विद्यालय खोलना चाहते हैं। सब
लोग बहुत प्रसन्न हुए। किसी ने लकड़ी दी, किसी ने ईंटें, और किसी ने अपनी मेहनत। कुछ ही महीनों में विद्यालय बनकर तैयार हो
गया, और पहली घंटी की आवाज़ पूरे गाँव में सुनाई दी।
"""

TAMIL = """மலையின் அடிவாரத்தில் ஒரு சிறிய கிராமம் இருந்தது. அங்கு வாழ்ந்த மக்கள் நெல் பயிரிட்டு, மாடுகளை வளர்த்து அமைதியாக வாழ்ந்தனர்.
ஒவ்வொரு மாலையும் குழந்தைகள் கோவில் குளத்தின் அருகே விளையாடுவார்கள். பாட்டி சொல்லும் கதைகளைக் கேட்க அனைவரும் திண்ணையில்
கூடுவார்கள். மழைக்காலம் வந்ததும் ஆறு பெருக்கெடுத்து ஓடும்; அப்போது பள்ளிக்கு விடுமுறை என்பதால் குழந்தைகள் மகிழ்ச்சியடைவார்கள்.
"""

THAI = """ยามเช้าที่ริมแม่น้ำ ชาวบ้านพายเรือออกไปขายผลไม้และดอกไม้ที่ตลาดน้ำ เด็ก ๆ วิ่งเล่นอยู่บนสะพานไม้ เสียงหัวเราะดังไปทั่วหมู่บ้าน คุณยาย
นั่งทำขนมอยู่ใต้ถุนบ้านและเล่านิทานเรื่องกระต่ายกับเต่าให้หลานฟัง เมื่อถึงฤดูฝน น้ำจะท่วมทุ่งนา ทุกคนจึงต้องช่วยกันเก็บเกี่ยวข้าวให้เสร็จก่อน
พระอาทิตย์ตกดินสวยงามมาก ท้องฟ้าเปลี่ยนเป็นสีส้มและสีม่วง แล้วทุกบ้านก็จุดตะเกียงเพื่อรอคนในครอบครัวกลับมากินข้าวเย็นด้วยกัน
"""

CHINESE = """清晨的集市刚刚开始热闹起来，卖菜的老人把新鲜的白菜整整齐齐地摆在地上。一个背着书包的孩子停下脚步，好奇地问：“爷爷，这些
菜都是您自己种的吗？”老人笑着点点头，说今年雨水充足，收成比往年好得多。不远处，豆腐店的老板娘正在招呼客人，热气从木桶里慢慢
升起来。中午之前，所有的货物几乎都卖完了，人们三三两两地坐在茶馆里聊天，谈论着即将修建的铁路和孩子们的考试成绩。傍晚时分，
街道重新安静下来，只剩下几只猫在屋檐下打瞌睡。
"""

TRADITIONAL_CHINESE = """山腳下的小鎮有一間老書店，店主是一位沉默寡言的先生。每當下雨的午後，附近的學生便躲進店裡，隨手翻閱架上的舊書。有一天，
一個女孩在角落裡發現了一本沒有封面的日記，裡面詳細記錄著五十年前颱風來襲時，居民們如何互相幫助、重建家園的經過。她把日記
帶到學校，老師讀完之後非常感動，決定讓全班同學一起去採訪鎮上的長輩，把他們的回憶整理成一份報紙。
"""

JAPANESE = """駅前の小さな喫茶店では、毎朝七時になると店主がゆっくりとコーヒーを淹れ始めます。常連のお客さんは新聞を広げ、窓際の席に座って
静かな時間を楽しみます。「今日は雨が降りそうですね」と誰かが言うと、店主は空を見上げて「夕方までは大丈夫でしょう」と答えました。
学校へ向かう子どもたちの声が聞こえ、パン屋からは焼きたての匂いが漂ってきます。この町には特別な観光名所はありませんが、住んで
いる人々はみんな、ここがいちばん落ち着く場所だと思っているのです。
"""

KATAKANA = """プログラマーのためのガイドブック:インストールが完了したら、ターミナルでコマンドを実行してサーバーをスタートします。ブラウザーの
アドレスバーにリンクをペーストし、ログインページでユーザーネームとパスワードを入力してください。エラーメッセージがディスプレイに
あらわれたときは、ファイアウォールとプロキシーのセッティングをチェックしてから、もういちどリロードしてみましょう。
"""

KOREAN = """바닷가 마을의 아침은 언제나 갈매기 소리와 함께 시작되었다. 할머니는 마당에 널어 둔 미역을 뒤집고, 할아버지는 그물을 손질하며 오늘의
물때를 살폈다. 도시에서 온 손자는 모든 것이 신기해서 하루 종일 질문을 쏟아 냈다. "할아버지, 배는 왜 밤에 나가요?" 할아버지는 웃으면서
오징어는 불빛을 좋아하기 때문이라고 설명해 주었다. 저녁이 되자 등대에 불이 켜지고, 온 가족이 평상에 둘러앉아 따뜻한 국수를 먹었다.
"""

GEORGIAN = """მთის სოფელში ზამთარი ადრე იწყებოდა და გვიან მთავრდებოდა. ბავშვები ღუმელთან ისხდნენ და ბებიის ზღაპრებს უსმენდნენ, გარეთ კი თოვლი
ნელ-ნელა ფარავდა ვენახებსა და ბილიკებს. გაზაფხულზე მდინარე ადიდდებოდა, და მთელი სოფელი ხიდის შესაკეთებლად იკრიბებოდა.
"""

BENGALI = """পাহাড়ের পাদদেশে একটি ছোট গ্রাম ছিল। সেখানকার মানুষ প্রতিদিন সকালে নদী থেকে জল আনতে যেত এবং সন্ধ্যায় একসঙ্গে বসে গল্প
করত। বৃদ্ধ শিক্ষক শিশুদের পড়তে ও লিখতে শেখাতেন। বর্ষাকালে রাস্তা কাদায় ভরে যেত, তাই সবাই নৌকায় করে বাজারে যেত। ১৯৮৫
সালে গ্রামে প্রথম বিদ্যুৎ আসে, আর তখন থেকেই অনেক কিছু বদলে গেছে। আজ সেখানে একটি বিদ্যালয়, একটি হাসপাতাল এবং ৩০০টিরও
বেশি বাড়ি আছে।
"""

PUNJABI = """ਪਹਾੜ ਦੇ ਪੈਰਾਂ ਵਿੱਚ ਇੱਕ ਛੋਟਾ ਜਿਹਾ ਪਿੰਡ ਸੀ। ਉੱਥੋਂ ਦੇ ਲੋਕ ਹਰ ਰੋਜ਼ ਸਵੇਰੇ ਨਦੀ ਤੋਂ ਪਾਣੀ ਲਿਆਉਂਦੇ ਸਨ ਅਤੇ ਸ਼ਾਮ ਨੂੰ ਇਕੱਠੇ ਬੈਠ ਕੇ
ਕਹਾਣੀਆਂ ਸੁਣਾਉਂਦੇ ਸਨ।
"""

TELUGU = """కొండ దిగువన ఒక చిన్న గ్రామం ఉండేది. అక్కడి ప్రజలు ప్రతి ఉదయం నది నుండి నీళ్లు తెచ్చుకునేవారు, సాయంత్రం అందరూ కలిసి
కూర్చుని కథలు చెప్పుకునేవారు. వృద్ధ ఉపాధ్యాయుడు పిల్లలకు చదవడం, రాయడం నేర్పించేవాడు. 1985లో గ్రామానికి మొదటిసారి
విద్యుత్ వచ్చింది.
"""

MALAYALAM = """മലയുടെ അടിവാരത്ത് ഒരു ചെറിയ ഗ്രാമം ഉണ്ടായിരുന്നു. അവിടത്തെ ആളുകൾ എല്ലാ ദിവസവും രാവിലെ പുഴയിൽ നിന്ന് വെള്ളം കൊണ്ടുവരും,
വൈകുന്നേരം ഒരുമിച്ചിരുന്ന് കഥകൾ പറയും.
"""

ARMENIAN = """Լեռան ստորոտին մի փոքրիկ գյուղ կար։ Այնտեղի մարդիկ ամեն առավոտ ջուր էին բերում գետից, իսկ երեկոյան միասին նստում էին
ու պատմություններ պատմում։
"""

LAO = """ຢູ່ຕີນພູມີໝູ່ບ້ານນ້ອຍໆແຫ່ງໜຶ່ງ. ຊາວບ້ານໄປຕັກນ້ຳຈາກແມ່ນ້ຳທຸກເຊົ້າ.
"""

EMOJI = """Good morning team! ☀️ The release is out 🚀🎉🎉 Thanks to everyone who stayed late 🙏❤️
👍👍 Tests are green ✅ docs are done 📚 and the cake is on its way 🍰😋 Anyone for tennis tonight? 🎾🏃‍♀️
😀😂🤣😊😍🥰😘😎🤔🙄😴🤯🥳 👩‍💻👨‍👩‍👧‍👦🇫🇷🇯🇵🇧🇷 🐶🐱🐭🦊🐻🐼 🍎🍊🍋🍌🍉 ⚽🏀🏈 🚗🚕🚌 🌍🌧️⛄🔥💧 💡🔧🔨📈📉 🕐🕑🕒
Reply with 1️⃣, 2️⃣ or 3️⃣ 👇 see you soon 👋😉
"""

PYTHON = '''from dataclasses import dataclass, field


@dataclass
class Inventory:
    """Keeps count of what is on the shelves."""

    items: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, amount: int = 1) -> None:
        if amount <= 0:
            raise ValueError(f"amount must be positive, not {amount!r}")
        self.items[name] = self.items.get(name, 0) + amount

    def remove(self, name: str, amount: int = 1) -> int:
        left = self.items[name] - amount
        if left < 0:
            raise KeyError(name)
        elif left == 0:
            del self.items[name]
        else:
            self.items[name] = left
        return left

    def total(self) -> int:
        return sum(self.items.values())


def main() -> None:
    inventory = Inventory()
    for line in open("deliveries.txt", encoding="utf-8"):
        name, _, amount = line.strip().partition("=")
        try:
            inventory.add(name, int(amount or 1))
        except ValueError as error:
            print("skipped", line, error)
    print(inventory.total())


if __name__ == "__main__":
    main()
'''

TYPESCRIPT = """import { useEffect, useState } from "react";

interface WeatherReport {
  readonly city: string;
  temperature: number;
  isRaining?: boolean;
}

export function useWeather(city: string): WeatherReport | null {
  const [report, setReport] = useState<WeatherReport | null>(null);

  useEffect(() => {
    let cancelled = false;
    fetch(`https://weather.example/api?city=${encodeURIComponent(city)}`)
      .then((response) => response.json())
      .then((data) => {
        if (!cancelled) {
          setReport({ city, temperature: data.main.temp - 273.15, isRaining: data.rain != null });
        }
      })
      .catch((error) => console.error("getWeather failed", error));
    return () => { cancelled = true; };
  }, [city]);

  return report;
}
"""

MINIFIED = (
    '!function(e,t){"object"==typeof exports&&"undefined"!=typeof module?module.exports=t():e.Shelf=t()}(this,'
    "function(){var e={},t=0;function n(n,r){return e[n]=(e[n]||0)+r,t+=r,e[n]}function r(n){var r=e[n];if(null==r)"
    'throw new Error("no "+n);return delete e[n],t-=r,r}for(var i=0,o=[];i<10;i++)o.push(n("k"+i,i*i));return{add:n,'
    "drop:r,sum:function(){return t},all:function(){return Object.keys(e).map(function(t){return[t,e[t]]}).sort("
    "function(e,t){return e[1]-t[1]})},each:function(t,n){for(var r in e)e.hasOwnProperty(r)&&t.call(n||this,r,e[r])}}});"
    "$(document).ready(function(){$('#a').on('click',function(t){t.preventDefault();$(this).toggleClass('b-c')})});"
)

HTML = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Opening hours</title><link rel="stylesheet" href="/static/main.css"></head>
<body class="page page--wide">
  <nav><ul id="menu"><li><a href="/">Home</a></li><li><a href="/visit?from=menu">Visit</a></li></ul></nav>
  <table border="0" cellpadding="4">
    <tr><th>Day</th><th>From</th><th>To</th></tr>
    <tr><td>Monday</td><td>9:00</td><td>17:30</td></tr>
    <tr><td>Saturday</td><td>10:00</td><td>14:00</td></tr>
  </table>
  <p>Closed on <strong>Sundays</strong> &amp; holidays.<br/>Call us at <a href="tel:+15550100">555&nbsp;0100</a>.</p>
</body>
</html>
"""

SHELL = r"""#!/usr/bin/env bash
set -euo pipefail
DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
for f in "$DIR"/logs/*.gz; do
  gunzip -c "$f" | grep -Ev '^(#|$)' | awk -F'\t' '{ n[$3]++ } END { for (k in n) print n[k], k }' | sort -rn | head -n 20
done > /tmp/report.$$
[ -s /tmp/report.$$ ] || { echo "nothing found" >&2; exit 1; }
curl -fsS -X POST -H "Content-Type: text/plain" --data-binary @/tmp/report.$$ \
  "https://intake.example.org/v1/reports?host=$(hostname -s)"
rm -f /tmp/report.$$
"""

DIFF = """diff --git a/src/parser.c b/src/parser.c
index 3f2a9c1..b81e07d 100644
--- a/src/parser.c
+++ b/src/parser.c
@@ -118,9 +118,11 @@ static int read_header(struct parser *p, const char *buf, size_t len)
 \tif (len < HEADER_SIZE)
 \t\treturn -EAGAIN;
-\tmemcpy(&p->header, buf, sizeof(p->header));
-\tp->state = STATE_BODY;
-\treturn HEADER_SIZE;
+\tif (p->state != STATE_HEADER)
+\t\treturn -EINVAL;
+\tmemcpy(&p->header, buf, HEADER_SIZE);
+\tp->remaining = ntohl(p->header.length);
+\tp->state = p->remaining ? STATE_BODY : STATE_DONE;
+\treturn (int)HEADER_SIZE;
 }
"""

SQL = """SELECT c.customer_id, c.last_name, COUNT(o.id) AS orders, SUM(o.total_cents) / 100.0 AS revenue
FROM customers AS c
LEFT JOIN orders AS o ON o.customer_id = c.customer_id AND o.created_at >= DATE '2024-01-01'
WHERE c.country IN ('DE', 'FR', 'NL') AND c.deleted_at IS NULL
GROUP BY c.customer_id, c.last_name
HAVING COUNT(o.id) > 3
ORDER BY revenue DESC NULLS LAST
LIMIT 50;
CREATE UNIQUE INDEX IF NOT EXISTS idx_orders_customer ON orders (customer_id, created_at DESC);
"""

LATEX = r"""\section{Convergence}
Let $f\colon \mathbb{R}^n \to \mathbb{R}$ be convex and $L$-smooth. With step size $\eta \le \frac{1}{L}$, gradient
descent satisfies
\begin{equation}\label{eq:rate}
  f(x_k) - f(x^\ast) \le \frac{\lVert x_0 - x^\ast \rVert_2^2}{2 \eta k}, \qquad k = 1, 2, \dots
\end{equation}
\begin{proof}
By smoothness, $f(x_{k+1}) \le f(x_k) - \eta\left(1 - \tfrac{L\eta}{2}\right) \lVert \nabla f(x_k) \rVert^2$. Summing
over $i = 0, \ldots, k-1$ yields $\sum_{i=0}^{k-1} \bigl(f(x_{i+1}) - f(x^\ast)\bigr) \le \int_0^1 g(t)\,\mathrm{d}t$,
which is \eqref{eq:rate}, cf.~\cite[Thm.~2.1.14]{nesterov2004}. \qedhere
\end{proof}
"""

TABLE = """| Station      | Opened | Platforms | Passengers per day | Step-free |
|--------------|-------:|----------:|-------------------:|:---------:|
| Old Harbour  |   1907 |         4 |             12,450 |     no    |
| Town Hall    |   1931 |         2 |             38,900 |    yes    |
| University   |   1974 |         2 |             27,310 |    yes    |
| Airport      |   2008 |         6 |             61,075 |    yes    |
| Garden City  |   2019 |         2 |              4,280 |    yes    |

* **Old Harbour** will be rebuilt in `2026`; see [the plan](https://plans.example.org/old-harbour#lift).
* _Airport_ is served by lines **A**, **B** and ~~**C**~~.
"""

LOG = "\n".join(
    f"2024-03-{day:02} {_RNG.randrange(24):02}:{_RNG.randrange(60):02}:{_RNG.randrange(60):02}.{_RNG.randrange(1000):03}"
    f" {_RNG.choice(['INFO ', 'WARN ', 'ERROR'])} [worker-{_RNG.randrange(16)}] com.example.shop.OrderService - "
    f"order={_RNG.randrange(10**7)} status={_RNG.choice(['PAID', 'SHIPPED', 'FAILED'])} took {_RNG.randrange(900)}ms "
    f"from 10.0.{_RNG.randrange(256)}.{_RNG.randrange(256)}"
    for day in range(1, 25)
)

RECORDS = json.dumps(
    [
        {"id": n, "lat": _RNG.uniform(-90, 90), "lon": _RNG.uniform(-180, 180), "tags": ["a", "b"], "ok": n % 3 == 0}
        for n in range(30)
    ]
)
INDENTED = json.dumps(
    {"menu": [{"name": "soup", "price": 4.5, "allergens": ["celery", "milk"], "vegan": False, "note": None}] * 6},
    indent=4,
)
SCHEMA = json.dumps(
    {
        "name": "book_table",
        "description": "Book a table in a restaurant.",
        "parameters": {
            "type": "object",
            "properties": {
                "restaurant_id": {"type": "string", "description": "Identifier of the restaurant"},
                "guests": {"type": "integer", "minimum": 1, "maximum": 20},
                "start_time": {"type": "string", "format": "date-time"},
            },
            "required": ["restaurant_id", "guests"],
            "additionalProperties": False,
        },
    }
)
NUMBERS = " ".join(str(_RNG.randrange(10 ** _RNG.randrange(1, 9))) for _ in range(200))
DIGITS = "".join(str(_RNG.randrange(10)) for _ in range(1_000))
CSV = "\n".join(f"{_RNG.uniform(0, 100):.4f},{_RNG.randrange(9999)},{_RNG.gauss(0, 1):.6f}" for _ in range(60))
HEX = "".join(f"{_RNG.randrange(2**256):064x}\n" for _ in range(12))
UUIDS = "\n".join(
    f"{(h := f'{_RNG.randrange(2**128):032x}')[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}" for _ in range(24)
)
BLANKS = "\n".join(" " * (4 * (n % 7)) + f"step {n}:\n\n\n\t\tdone" + " " * (n % 5) for n in range(60))
RULERS = "\n".join(
    f"{'=' * 40}\nChapter {n}\n{'-' * 40}\nSome words that belong to it; they go on, so that it has a text.\n"
    for n in range(16)
)
REPEATED = "\n".join(
    ["Aaaaaaaaaaaaaargh!!!!!!!! Noooooooooo...... why?????? hahaha, said the ghost, and went away."] * 12
)

TEXTS = {
    name.lower().replace("_", " "): text
    for name, text in list(globals().items())
    if name.isupper() and isinstance(text, str) and not name.startswith("_")
}
