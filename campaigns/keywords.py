"""What a text means: stop, help, start or yes, in both languages, whatever the case, accents and emoji (rule S3).

The carrier matches whole bodies only, so that "Stop please" is missed: here a stop phrase inside other words opts out,
and what only may mean stop is *unclear*, for a person to settle. A bare "NO" is an answer.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Sense(StrEnum):
    STOP = "stop"
    UNCLEAR = "unclear"
    HELP = "help"
    START = "start"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """`language` is what the word gives away: "es" for ALTO, "" for STOP, which people of every language use."""

    sense: Sense
    language: str = ""


STOP_EN = ("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "revoke")
STOP_ES = ("alto", "parar", "pare", "paren", "detener", "cancelar", "salir", "baja", "terminar", "no más", "nomás")
HELP_EN, HELP_ES = ("help", "info"), ("ayuda",)
START_EN, START_ES = ("start", "unstop"), ("iniciar", "alta")
YES = ("yes", "y", "yeah", "yep", "yup", "sure", "ok", "okay", "sí", "claro", "acepto", "dale", "confirm", "confirmo")
# Words that add nothing to a keyword, and those that add nothing to a yes.
FILLERS = frozenset(
    re.findall(
        r"\w+",
        "please pls plz thanks thank you thx now ok okay hi hello just me it this that these everything all sir maam "
        "yes can could would i said so already but and pero por favor porfavor porfa gracias "
        "ya hola si todo esto me lo pues senor",
    )
)
YES_FILLERS = FILLERS | {"do", "want", "to", "join", "in", "count", "conmigo", "cuente", "cuenten", "quiero", "unirme"}
STOP_SIGNS = set("🛑🚫⛔")

TEXTS = r"(?:texts?|texting|messages?|messaging|msgs?|sms|alerts?|notifications?|subscription|reminders?|updates|spam)"
MENSAJES = (
    r"(?:mensajes?|mensages?|mensajitos?|textos?|sms|alertas?|avisos?|notificaciones|recordatorios|"
    r"suscripcion|subscripcion|inscripcion|spam)"
)
OF_TEXTS = (
    r"(?: of (?:(?:the|these|this|those|your|all|any|receiving|getting|future|text) ){0,3}"
    rf"(?:{TEXTS}|list|it|this|these)\b)"
)
# Phrases in which the wish is plain, matched against one clause, folded: lower case, no accents, single spaces.
PHRASES_EN = (
    r"(?:stop|quit|cease) (?:\w+ )?(?:texting|messaging|msging|contacting|bothering|spamming|harassing|bugging)\b",
    r"(?:stop|quit|cease) (?:\w+ )?(?:sending|writing|calling|emailing)(?:$| (?:\w+ )?"
    rf"(?:me|us|these|those|this|it|anything|stuff|here|{TEXTS})\b)",
    r"(?:stop|quit|end|cancel|no more) "
    r"(?:(?:all|of|with|getting|receiving|the|these|those|this|your|my|any|more|future|from|text|sms) ){0,4}"
    rf"{TEXTS}\b",
    r"(?:stop|alto) (?:i|im|who|whos|wrong|dont|do not|we|you|u|yo|ya|quien)\b",
    r"(?:want|like|wish|need) to (?:stop|quit|cancel|end|opt out)(?: (?:this|these|it|now|please))?$",
    r"said (?:to )?(?:stop|quit)\b",
    r"(?:unsubscribed?|unsub|unsuscribe|unsubcribe|unsubscibe|unsubscrib)\b",
    rf"(?:optout|opt(?:ing|ed)? (?:me |us )?out)\b(?:(?! of\b)|{OF_TEXTS})",
    r"(?:remove|delete) (?:me|us|my (?:cell|contact|info|name|number|phone)|this number)\b",
    r"(?:take|get) (?:me|us|my (?:cell|name|number|phone)|this number) (?:off|out of)\b",
    r"(?:do not|dont|never) (?:ever )?(?:text|message|msg|contact|bother|spam)"
    r"(?:$| (?:me|us|my|this|any ?more|again|here)\b)",
    rf"(?:do not|dont|never) (?:ever )?(?:send|call|write)\b.*\b(?:{TEXTS}|any ?more|again)\b",
    rf"(?:do not|dont|no longer) (?:want|wish|agree|consent)\b.*"
    rf"\b(?:{TEXTS}|texted|messaged|contacted|hear from you|subscribed)\b",
    r"(?:do not|dont|no longer) want (?:this|these|it|any|more)(?: any ?more)?$",
    r"leave (?:me|us) alone\b",
    r"lose my number\b",
    r"(?:revoke|withdraw)\b.*\b(?:consent|permission|authorization)\b",
)
PHRASES_ES = (
    rf"no (?:mas|quiero mas|deseo mas) (?:(?:de|estos|esos|sus|tus|los) ){{0,2}}{MENSAJES}\b",
    rf"no (?:quiero|quisiera|deseo|queremos|deseamos)\b.*\b(?:{MENSAJES}|recibir\w*|recibiendo|"
    r"(?:me|nos) (?:manden?|envien?|escriban?|molesten?|contacten?))\b",
    r"no (?:me|nos) interesa recibir\b",
    r"ya no quiero(?: (?:mas|nada|esto|estos))?$",
    r"no quiero (?:mas|nada)$",
    r"no (?:me|nos) (?:manden?|mandes|envien?|envies|escriban?|escribas|texteen?|textees|molesten?|molestes|contacten?|"
    r"contactes|llamen?|llames|sigan?|vuelvan?|fastidien?)\b",
    r"no (?:molest(?:e|en|es)|vuelvan? a (?:escribir|mandar|enviar))\w*\b",
    r"(?:dejen?|deja|dejar|paren?|para|parar|cesen|detengan?) (?:ya )?de "
    r"(?:mandar|enviar|escribir|molestar|textear|contactar|llamar|fastidiar)(?:me|nos|los|melos)?\b",
    r"(?:den|de|denme|deme|dame|darme|darnos|dar|dan|da) (?:ya )?de baja\b",
    r"(?:quit|saqu|sac|borr|elimin)(?:e|a|en|an|ar|es)(?:me|nos)(?:$| (?:ya|de|por favor|porfavor|gracias)\b)",
    r"(?:quit|saqu|borr|elimin)(?:e|a|en|an|ar|es) (?:mi|este|el) (?:numero|nombre|telefono|celular)\b",
    rf"cancel(?:ar|e|en|enme|eme|o|arme|a)(?: (?:mi|la|el|los|las|estos|esos|esta|mis|todos)){{0,2}} {MENSAJES}\b",
    r"(?:desuscrib|desinscrib|desubscrib)\w*\b",
    r"dej(?:e|en|a)(?:me|nos) en paz\b",
    rf"(?:basta|alto|parar|paren?|detener|detengan|terminar|terminen|suspendan) "
    rf"(?:(?:con|a|de|los|las|estos|esos|sus|todos|todas|mas|ya) ){{0,3}}{MENSAJES}\b",
    r"quiero (?:salir|salirme|parar|cancelar)(?: de (?:esto|aqui|la lista|esta lista|los mensajes))?$",
    r"(?:salir|salirme|sacarme) de (?:la|esta|su) lista\b",
    r"(?:revoco|retiro) mi (?:consentimiento|permiso|autorizacion)\b",
)
# "Don't stop texting me", "why did you stop sending these?": the opposite may be meant.
TURNED_AROUND = re.compile(
    r"(?:^|\s)(?:dont|not|never|cant|cannot|wont|didnt|doesnt|shouldnt|wouldnt|no|nunca|jamas|why|"
    r"(?:did|have|has) (?:you|u|i|they|it))\s$"
)
# What sounds like a wish to stop without saying so, or comes from somebody who never asked.
HINTS = re.compile(
    r"\b(?:spam\w*|harass\w*|wrong number|wrong person|not interested|remove|delete|stop\w+|block(?:ed|ing)?|"
    r"lawyer|fcc|numero equivocado|equivocado de numero|no me interesa|acoso|molest\w+|basta|quitar|borrar|abogad[oa]|"
    r"bloque\w+|ya no|suscri\w+|unsub\w*)\b"
)


def fold(body):
    """Lower case, without accents, invisible characters and apostrophes; punctuation stays: "¡NO más!" → "¡no mas!"."""
    text = re.sub(r"['’‘`´ʼ]", "", body)
    text = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Me", "Cf"))


def words(text):
    """The words of a text, folded: "Sí, ¡claro! 👍" → ("si", "claro")."""
    return tuple(re.findall(r"[^\W_]+", fold(text)))


def _clauses(body):
    parts = re.split(r"[.,;:!?¡¿()\[\]\"“”«»…\n\r|/*]+|\s[-–]+\s|—", fold(body))
    found = (" ".join(re.findall(r"[^\W_]+", part)) for part in parts)
    return [clause for clause in found if clause]


def _keywords(language_words):
    return {"".join(words(word)) for word in language_words}


def _phrase(language_words):
    return re.compile(r"\b(?:" + "|".join(sorted(" ".join(words(w)) for w in language_words)) + r")\b")


STOPS = {"": _keywords(STOP_EN), "es": _keywords(STOP_ES)}
HELPS = {"": _keywords(HELP_EN), "es": _keywords(HELP_ES)}
STARTS = {"": _keywords(START_EN), "es": _keywords(START_ES)}
YESES = _keywords(YES)
PLAIN = {"": [re.compile(r"\b" + p) for p in PHRASES_EN], "es": [re.compile(r"\b" + p) for p in PHRASES_ES]}
SOUNDS_LIKE = _phrase((*STOP_EN, *STOP_ES))


def _says(body, keywords):
    """The language of the keyword that these words are, give or take a please; None when they are something else."""
    found = words(body)
    for language, known in keywords.items():
        if "".join(found) in known:
            return language
        rest = [word for word in found if word not in FILLERS]
        if rest and "".join(rest) in known:
            return language
    return None


def _plain_wish(clause):
    """(True, language) for a plain wish to stop, (False, "") for one turned around, None for neither."""
    turned = None
    for language, phrases in PLAIN.items():
        for phrase in phrases:
            for found in phrase.finditer(clause):
                if not TURNED_AROUND.search(clause[: found.start()]):
                    return True, language
                turned = (False, "")
    return turned


def _stop(body):
    if (language := _says(body, STOPS)) is not None:
        return Reading(Sense.STOP, language)
    unclear = False
    for clause in _clauses(body):
        if (language := _says(clause, STOPS)) is not None:
            return Reading(Sense.STOP, language)
        wish = _plain_wish(clause)
        if wish and wish[0]:
            return Reading(Sense.STOP, wish[1])
        heard = SOUNDS_LIKE.search(clause.replace("end of", ""))
        unclear = unclear or bool(wish or heard or HINTS.search(clause))
    if not unclear and not words(body):
        unclear = any(sign in body for sign in STOP_SIGNS)
    return Reading(Sense.UNCLEAR) if unclear else None


def read(body):
    """What a text asks of the text programme itself (rule S3); Sense.NONE when it is about something else."""
    stop = _stop(body)
    if stop and stop.sense == Sense.STOP:
        return stop
    for sense, keywords in ((Sense.HELP, HELPS), (Sense.START, STARTS)):
        if (language := _says(body, keywords)) is not None:
            return Reading(sense, language)
    return stop or Reading(Sense.NONE)


def is_yes(body):
    """Whether a text is a yes and nothing else ("Sí, por favor", "yes!"): what a consent can rest on."""
    found = words(body)
    return bool(found) and found[0] in YESES and all(w in YESES or w in YES_FILLERS for w in found)


def is_word(body, word):
    """Whether a text is this join word, give or take a please: "«Unirme», por favor" is UNIRME."""
    wanted = "".join(words(word))
    found = words(body)
    return bool(wanted) and wanted in ("".join(found), "".join(w for w in found if w not in FILLERS))


# Texts that begin with an answer's word and mean something else.
NOT_AN_ANSWER = re.compile(
    r"(?:no (?:se|lo se|entiendo|comprendo|idea|clue|problem|problema|hay problema|worries|hablo|english|"
    r"tengo idea|one|conozco|soy)|si (?:no|pudiera|puedo|tuviera|hay|es que)|yes (?:who|but who)|"
    r"(?:si|no) (?:quien|quienes))\b"
)


def answer(body, options):
    """Which of the answers a text gives: (key, whether it says more than that), or None.

    `options` is [(key, "YES, SÍ, 1")]; a text answers with how it begins.
    """
    found = words(body)
    if not found:
        return None
    first = next(iter(_clauses(body)), "")
    if NOT_AN_ANSWER.match(first):
        return None
    spellings = [(words(word), key) for key, listed in options for word in listed.split(",")]
    for spelling, key in sorted(spellings, key=lambda pair: -len(pair[0])):
        if spelling and found[: len(spelling)] == spelling:
            rest = found[len(spelling) :]
            own = {word for one, mine in spellings if mine == key for word in one}
            return key, any(word not in YES_FILLERS and word not in own for word in rest)
    return None


def is_reserved(word):
    """Whether a word already means stop, help or start, so that it can be neither a join word nor an answer."""
    return read(word).sense in (Sense.STOP, Sense.HELP, Sense.START)
