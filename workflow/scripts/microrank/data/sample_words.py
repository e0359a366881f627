"""The vocabulary of the synthetic sample's titles: topics, themes, and words around them."""

# topic (its hashtag) -> themes, each a few words that titles of that theme are made of
TOPICS: dict[str, tuple[str, ...]] = {
    "street food": (
        "dumplings broth chili",
        "skewers charcoal lamb",
        "noodles sesame vinegar",
        "pancake scallion griddle",
    ),
    "baking": (
        "sourdough starter crust",
        "sponge cream strawberry",
        "cookies butter oven",
        "croissant layers dough",
    ),
    "fishing": ("carp pond float", "trout river fly", "squid boat lantern", "bass lure dawn"),
    "cats": (
        "kitten stray bottle",
        "ragdoll window nap",
        "tabby box ambush",
        "siamese talking breakfast",
    ),
    "dogs": (
        "puppy shelter adoption",
        "husky snow sledge",
        "corgi stairs zoomies",
        "retriever ball lake",
    ),
    "football": (
        "goalkeeper penalty save",
        "striker header corner",
        "midfield pass assist",
        "derby stadium crowd",
    ),
    "basketball": (
        "dunk rebound rim",
        "crossover dribble ankles",
        "buzzer three-pointer playoffs",
        "rookie draft workout",
    ),
    "mobile games": (
        "jungle hero teamfight",
        "sniper rifle squad",
        "gacha banner summon",
        "sandbox redstone castle",
    ),
    "comedy": (
        "roommate prank alarm",
        "office boss meeting",
        "mother-in-law dialect kitchen",
        "teacher classroom excuse",
    ),
    "costume drama": (
        "emperor concubine palace",
        "swordsman bamboo revenge",
        "princess exile letter",
        "general siege frontier",
    ),
    "detective stories": (
        "inspector alibi fingerprint",
        "missing passenger train",
        "forged painting heist",
        "cold case diary",
    ),
    "pop music": (
        "guitar cover chorus",
        "piano ballad rain",
        "idol stage debut",
        "rapper freestyle beat",
    ),
    "dance": (
        "hip-hop battle crew",
        "ballet pointe mirror",
        "square-dance grandmother plaza",
        "latin salsa partner",
    ),
    "make-up": (
        "eyeliner wing tutorial",
        "lipstick shades review",
        "foundation oily skin",
        "bridal hairstyle veil",
    ),
    "fashion": (
        "vintage denim thrift",
        "wool coat winter",
        "sneakers laces collection",
        "silk dress tailor",
    ),
    "fitness": (
        "squat barbell form",
        "plank abs minutes",
        "yoga stretch morning",
        "marathon pace training",
    ),
    "travel": (
        "glacier ridge trek",
        "night market lanterns",
        "desert camel dunes",
        "island ferry lighthouse",
    ),
    "cars": (
        "electric sedan range",
        "engine rebuild garage",
        "drift hairpin pass",
        "camper van conversion",
    ),
    "gadgets": (
        "phone camera zoom",
        "keyboard switches sound",
        "drone mountain footage",
        "laptop repair solder",
    ),
    "handicraft": (
        "pottery wheel glaze",
        "paper-cut scissors window",
        "wood joinery chisel",
        "crochet yarn blanket",
    ),
    "gardening": (
        "tomato seedlings balcony",
        "roses pruning spring",
        "bonsai wire pine",
        "compost worms soil",
    ),
    "parenting": (
        "baby crawling giggle",
        "homework multiplication tears",
        "bedtime story dinosaur",
        "kindergarten lunchbox broccoli",
    ),
    "science": (
        "volcano vinegar experiment",
        "telescope saturn rings",
        "magnet copper induction",
        "microscope pond creatures",
    ),
    "history": (
        "bronze tomb excavation",
        "silk caravan oasis",
        "canal emperor barges",
        "wall garrison beacon",
    ),
}

OPENERS = (
    "the",
    "my first",
    "grandpa's",
    "a day with",
    "how to handle",
    "nobody expected this",
    "the truth about",
    "back to",
    "three minutes of",
    "my neighbour's",
    "what happens to",
    "the last",
    "so this is",
    "learning about",
    "one more",
    "waiting for",
)
CLOSERS = (
    "wait for the end",
    "I did not see that coming",
    "what do you think",
    "it took me a whole month",
    "save it for later",
    "my friends do not believe me",
    "even the old master nodded",
    "worth every minute",
    "episode two",
    "who else remembers this",
    "please do not laugh",
    "this is my favourite part",
)
MIDDLES = ("and", "with", "meets", "after", "without", "for", "before", "versus")
EMOJI = ("😂", "🔥", "❤️", "👏", "😭", "🎉", "👀", "✨")
HASHTAGS = ("daily life", "good things", "hometown", "recommended", "weekend", "record")
