"""Lists of things, sorting, and the odd one out, in English and Chinese."""

from __future__ import annotations

import random

from .blocks import Talk
from .grammar import capital, say, sloppy
from .numbers import han, words

GROUPS = {
    "fruits": "apples,bananas,oranges,pears,grapes,cherries,strawberries,mangoes,peaches,plums,lemons,melons",
    "vegetables": "carrots,potatoes,onions,peas,beans,spinach,cabbage,broccoli,cucumbers,peppers,leeks,pumpkins",
    "animals": "cats,dogs,horses,cows,lions,tigers,bears,rabbits,elephants,monkeys,foxes,wolves,owls,frogs",
    "farm animals": "cows,pigs,sheep,goats,horses,chickens,ducks,geese",
    "wild animals": "lions,tigers,bears,wolves,foxes,deer,elephants,zebras",
    "pets": "cats,dogs,rabbits,hamsters,goldfish,parrots,turtles",
    "birds": "owls,eagles,crows,ducks,geese,parrots,swans,sparrows,penguins",
    "insects": "ants,bees,flies,beetles,butterflies,moths,crickets",
    "sea animals": "whales,dolphins,sharks,crabs,octopuses,seals,turtles,jellyfish",
    "colours": "red,blue,green,yellow,orange,purple,black,white,brown,pink,grey",
    "countries": "France,Italy,China,Japan,Brazil,Egypt,Canada,India,Spain,Germany,Mexico,Kenya",
    "countries in Europe": "France,Italy,Spain,Germany,Poland,Sweden,Greece,Portugal",
    "countries in Asia": "China,Japan,India,Thailand,Vietnam,Nepal,Malaysia",
    "countries in Africa": "Egypt,Kenya,Nigeria,Morocco,Ghana,Ethiopia",
    "cities": "Paris,London,Rome,Tokyo,Beijing,Berlin,Madrid,New York,Cairo,Sydney",
    "continents": "Africa,Asia,Europe,Oceania,North America,South America,Antarctica",
    "planets": "Mercury,Venus,Earth,Mars,Jupiter,Saturn,Uranus,Neptune",
    "languages": "English,Chinese,Spanish,French,German,Arabic,Japanese,Italian,Russian",
    "sports": "football,tennis,basketball,swimming,running,cycling,volleyball,skiing,golf",
    "hobbies": "reading,drawing,cooking,dancing,gardening,hiking,singing,chess,fishing",
    "jobs": "teacher,doctor,nurse,cook,baker,farmer,driver,painter,pilot,engineer",
    "musical instruments": "piano,guitar,violin,drums,flute,trumpet,harp,cello",
    "drinks": "water,tea,coffee,milk,orange juice,lemonade,hot chocolate",
    "hot drinks": "tea,coffee,hot chocolate,hot milk",
    "foods": "bread,rice,pasta,soup,cheese,eggs,salad,pizza,noodles",
    "sweets": "chocolate,cake,cookies,ice cream,candy,honey",
    "clothes": "shirt,trousers,dress,coat,hat,socks,shoes,scarf,gloves,jacket",
    "things in a kitchen": "oven,fridge,pan,pot,knife,plate,spoon,kettle",
    "things in a classroom": "desks,chairs,books,pencils,a board,maps,a clock",
    "things in a house": "tables,chairs,beds,lamps,doors,windows,a sofa",
    "tools": "hammer,saw,drill,screwdriver,pliers,axe,ruler",
    "flowers": "roses,tulips,daisies,lilies,sunflowers,violets,orchids",
    "trees": "oak,pine,birch,maple,willow,palm,apple tree",
    "shapes": "circle,square,triangle,rectangle,star,oval,hexagon",
    "body parts": "head,arm,hand,leg,foot,eye,ear,nose,mouth,knee",
    "vehicles": "car,bus,train,bicycle,truck,ship,plane,boat,tram",
    "family members": "mother,father,sister,brother,grandmother,grandfather,aunt,uncle,cousin",
    "seasons": "spring,summer,autumn,winter",
    "months": "January,February,March,April,May,June,July,August,September,October,November,December",
    "days of the week": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "feelings": "joy,sadness,anger,fear,love,surprise,hope,pride",
    "metals": "iron,gold,silver,copper,tin,zinc,lead",
    "verbs": "run,eat,sleep,sing,write,read,jump,swim,play",
    "adjectives": "big,small,red,happy,cold,fast,soft,old,bright",
    "nouns": "house,dog,tree,book,river,friend,table,city",
    "rooms": "kitchen,bathroom,bedroom,living room,hall,office",
    "healthy habits": "sleep enough,drink water,eat vegetables,take walks,rest your eyes,laugh often",
    "things to do on a rainy day": "read a book,bake a cake,watch a film,play a board game,draw a picture,call a friend",
    "things to take on a trip": "a passport,a toothbrush,warm clothes,a phone,some money,a book",
    "things to do at the beach": "swim,build a sand castle,collect shells,play ball,read in the shade",
    "gift ideas": "a book,flowers,a warm scarf,chocolate,a plant,a photo album",
    "breakfast ideas": "bread and jam,eggs,porridge,pancakes,fruit with yoghurt,cereal",
    "names for a cat": "Luna,Milo,Simba,Misty,Tiger,Coco,Shadow",
    "names for a dog": "Rex,Bella,Max,Buddy,Daisy,Rocky,Lucky",
    "girls' names": "Anna,Clara,Emma,Grace,Lily,Mia,Rosa,Zoe",
    "boys' names": "Ben,David,Felix,Henry,Jack,Leo,Noah,Tom",
    "ways to save energy": "turn off the lights,take short showers,wear a warm sweater,use a bicycle,unplug chargers",
    "ways to relax": "take a bath,listen to music,go for a walk,breathe slowly,read a good book",
    "words that start with a": "apple,ant,arm,air,answer,animal",
    "words that start with b": "book,ball,bird,bread,blue,boat",
    "words that start with c": "cat,cup,cake,car,cold,city",
    "words that start with s": "sun,sea,star,snow,song,soup",
}  # fmt: skip
ALSO = {
    "sea animals": "animals that live in the sea,sea creatures,animals in the ocean", "colours": "colors,different colors", "jobs": "professions,occupations",
    "clothes": "pieces of clothing,things to wear,items of clothing", "foods": "things to eat,dishes,kinds of food", "drinks": "things to drink,beverages",
    "cities": "big cities,famous cities", "countries": "countries in the world", "fruits": "kinds of fruit,types of fruit,fruit",
    "vegetables": "kinds of vegetables,types of vegetables", "animals": "kinds of animals", "pets": "animals people keep at home",
    "musical instruments": "instruments", "vehicles": "means of transport,ways to travel", "body parts": "parts of the body", "feelings": "emotions",
    "gift ideas": "ideas for a gift,good presents", "breakfast ideas": "things to eat for breakfast", "names for a cat": "cat names", "names for a dog": "dog names",
    "healthy habits": "ways to stay healthy,tips for a healthy life", "sports": "kinds of sport,ball games", "hobbies": "free time activities",
    "things in a kitchen": "things you find in a kitchen,kitchen items", "things to do on a rainy day": "activities for a rainy day",
}  # fmt: skip
ZH_GROUPS = {
    "水果": "苹果,香蕉,橙子,西瓜,葡萄,草莓,桃子,梨", "蔬菜": "白菜,土豆,胡萝卜,西红柿,黄瓜,茄子,菠菜", "动物": "猫,狗,老虎,大象,猴子,兔子,熊猫,马",
    "颜色": "红色,蓝色,绿色,黄色,黑色,白色,紫色", "国家": "中国,日本,法国,德国,美国,英国,意大利", "城市": "北京,上海,广州,成都,杭州,西安",
    "运动": "跑步,游泳,篮球,足球,乒乓球,羽毛球", "职业": "老师,医生,厨师,司机,警察,律师", "饮料": "水,茶,咖啡,牛奶,果汁,豆浆",
    "食物": "米饭,面条,饺子,包子,鸡蛋,豆腐", "衣服": "衬衫,裤子,裙子,外套,毛衣,帽子", "季节": "春天,夏天,秋天,冬天", "乐器": "钢琴,吉他,小提琴,笛子,鼓,二胡",
    "交通工具": "汽车,火车,飞机,自行车,轮船,地铁", "花": "玫瑰,百合,菊花,牡丹,荷花,兰花", "家具": "桌子,椅子,床,沙发,柜子,书架", "爱好": "看书,唱歌,画画,旅游,下棋,做饭",
    "家人": "爸爸,妈妈,哥哥,姐姐,爷爷,奶奶", "节日": "春节,中秋节,端午节,元宵节,国庆节", "早餐": "包子,豆浆,鸡蛋,面包,粥,油条", "鸟": "麻雀,燕子,乌鸦,老鹰,鹦鹉,鸽子",
    "放松的方法": "听音乐,散步,泡个热水澡,看书,深呼吸", "省钱的方法": "记账,少点外卖,自己做饭,坐公交车,不乱买东西",
}  # fmt: skip


def _some(rng: random.Random, members: list[str], n: int, in_order: bool) -> list[str]:
    """The first ones most of the time, so that a greedy reply has a clear favourite; else any of them."""
    return members[:n] if in_order or rng.random() < 0.6 else rng.sample(members, n)


def things(rng: random.Random, held: bool) -> Talk:
    """`Name three fruits`: written in a sentence, as numbers or as dashes."""
    group = rng.choice(list(GROUPS))
    members = GROUPS[group].split(",")
    n = min(len(members), rng.choice((2, 3, 3, 3, 3, 4, 4, 5, 5, 6)))
    many = rng.choice((words(n), words(n), str(n)))
    shape = rng.random()
    style = ""
    if shape < 0.10:
        style = rng.choice((" in a numbered list", " as a numbered list", ", numbered"))
    elif shape < 0.18:
        style = rng.choice((" as bullet points", " as a list", ", one per line"))
    if held:
        frame = rng.choice(("I would love to hear of {n} {g}", "Think of {n} different {g} and write them down"))
    else:
        frame = rng.choice((
            "[Name|List|Give me|Tell me|Write] {n} {g}", "[Name|List|Give me|Tell me] {n} {g}", "Can you [name|list] {n} {g}",
            "[What are|Do you know] {n} {g}", "I need {n} {g}", "[make|write] a list of {n} {g}", "{n} {g}, please", "{n} {g}"))  # fmt: skip
    said = rng.choice(ALSO[group].split(",")) if group in ALSO and rng.random() < 0.4 else group
    ask = say(rng, frame, {"n": many, "g": said}.__getitem__) + style
    ask += "?" if ask.startswith(("Can", "What", "Do")) else rng.choice((".", "", "."))
    picked = _some(rng, members, n, group in ("seasons", "planets"))
    if "numbered" in style:
        answer = "\n".join(f"{i}. {capital(m)}" for i, m in enumerate(picked, 1))
    elif style:
        answer = "\n".join(f"- {capital(m)}" for m in picked)
    elif len(picked[0].split()) > 2 or rng.random() < 0.1:
        answer = "\n".join(f"{i}. {capital(m)}" for i, m in enumerate(picked, 1))
    else:
        answer = capital(", ".join(picked[:-1]) + " and " + picked[-1] + ".")
    turns = [("user", ask if held else sloppy(rng, ask)), ("assistant", answer)]
    rest = [m for m in members if m not in picked]
    if not held and rest and rng.random() < 0.15:
        turns += [
            ("user", say(rng, "[One more|Another one|And another one|And one more]?")),
            ("assistant", capital(rng.choice(rest)) + "."),
        ]
    return Talk(tuple(turns))


def zh_things(rng: random.Random, held: bool) -> Talk:
    """The same in Chinese."""
    group = rng.choice(list(ZH_GROUPS))
    members = ZH_GROUPS[group].split(",")
    n = min(len(members), rng.choice((2, 3, 3, 3, 4, 5)))
    many = rng.choice((han(n) if n != 2 else "两", str(n)))
    frame = "请想出{n}{c}不同的{g}，写下来。" if held else rng.choice(
        ("[说出|列出|写出|告诉我|给我]{n}{c}{g}[。|]", "[请|]列举{n}{c}{g}[。|]", "{n}{c}{g}", "[有哪些|你知道哪些]{g}？[说{n}{c}。|说出{n}{c}。]"))  # fmt: skip
    picked = _some(rng, members, n, group == "季节")
    ask = say(rng, frame, {"n": many, "c": rng.choice("种个"), "g": group}.__getitem__)
    if rng.random() < 0.15:
        answer = "\n".join(f"{i}. {m}" for i, m in enumerate(picked, 1))
    else:
        answer = "、".join(picked[:-1]) + "和" + picked[-1] + "。"
    return Talk((("user", ask), ("assistant", answer)))


def group_of(rng: random.Random, held: bool) -> Talk:
    """What kind of thing is it; the odd one out."""
    plain = [g for g in GROUPS if " " not in g]
    first, second = rng.sample(plain, 2)
    member = rng.choice(GROUPS[first].split(","))
    if rng.random() < 0.5:
        ask = say(
            rng,
            f"[Which group does {member} belong to: {first} or {second}?|Does {member} belong to {second} or {first}?]",
        )
        return Talk((("user", sloppy(rng, ask)), ("assistant", f"{capital(member)} belongs to the {first}.")), (first,))
    three = rng.sample(GROUPS[first].split(","), 3)
    others = [m for m in GROUPS[second].split(",") if m not in GROUPS[first].split(",")] or ["stone"]
    odd = rng.choice(others)
    mixed = [*three, odd]
    rng.shuffle(mixed)
    ask = say(
        rng, "[Which one does not belong|Which is the odd one out|Find the odd one out]: " + ", ".join(mixed) + "?"
    )
    return Talk(
        (("user", sloppy(rng, ask)), ("assistant", f"{capital(odd)} does not belong. The others are {first}.")), (odd,)
    )


def sort(rng: random.Random, held: bool) -> Talk:
    """A few numbers in order."""
    numbers = rng.sample(range(1, rng.choice((10, 10, 100))), rng.randint(3, 5))
    text = ", ".join(map(str, numbers))
    down = rng.random() < 0.25
    wish = "from big to small" if down else rng.choice(("", "from small to big", "in order"))
    ask = say(rng, f"[Sort|Sort these numbers|Order|Put in order|Sort the numbers] {wish}").strip() + ": " + text
    answer = ", ".join(map(str, sorted(numbers, reverse=down)))
    return Talk((("user", ask), ("assistant", answer)), (answer,))
