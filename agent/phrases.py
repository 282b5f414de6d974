"""What the agent says of its own accord, in the language of its speech."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from config.phrases import PhraseSettings

_TOLD_APART: Final = 6
"""Characters by which the beginning of a sentence can be told from an answer."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """One sentence for each occasion; see `config.phrases`."""

    hold: str
    still: str
    sorry: str
    cut: str
    unheard: str
    deaf: str
    ending: str
    goodbye: str

    def without_waiting(self, text: str) -> str:
        """What the agent said, without its asking for patience: the model would come to imitate it."""
        while text.startswith((self.hold, self.still)):
            text = text.removeprefix(self.hold).removeprefix(self.still).lstrip()
        broken_off = len(text) >= _TOLD_APART and any(said.startswith(text) for said in (self.hold, self.still))
        return "" if broken_off else text


def phrases(settings: PhraseSettings, language: str) -> Phrases:
    """The sentences for a call; `language` such as `de` or `de-AT`."""
    spoken = _BUILT_IN.get(language.split("-", maxsplit=1)[0].lower(), _BUILT_IN["en"])
    return Phrases(
        **{each.name: getattr(settings, each.name) or getattr(spoken, each.name) for each in fields(Phrases)}
    )


_BUILT_IN: Final[Mapping[str, Phrases]] = {
    "en": Phrases(
        hold="One moment, please.",
        still="I'm still working on it.",
        sorry="Sorry, I can't answer right now. Please try again in a moment.",
        cut="Sorry, I lost the rest of that.",
        unheard="Sorry, I didn't hear you. Could you say that again?",
        deaf="Sorry, I can't hear you at the moment. You can write to me instead.",
        ending="Our call will end soon.",
        goodbye="I have to end our call here. Goodbye.",
    ),
    "de": Phrases(
        hold="Einen Moment, bitte.",
        still="Ich bin noch dabei.",
        sorry="Entschuldigung, ich kann gerade nicht antworten. Bitte versuchen Sie es gleich noch einmal.",
        cut="Entschuldigung, der Rest ist mir verloren gegangen.",
        unheard="Entschuldigung, ich habe Sie nicht gehört. Können Sie das noch einmal sagen?",
        deaf="Entschuldigung, ich kann Sie gerade nicht hören. Sie können mir auch schreiben.",
        ending="Unser Gespräch endet bald.",
        goodbye="Ich muss unser Gespräch hier beenden. Auf Wiederhören.",
    ),
    "fr": Phrases(
        hold="Un instant, s'il vous plaît.",
        still="J'y travaille encore.",
        sorry="Désolé, je ne peux pas répondre pour le moment. Veuillez réessayer dans un instant.",
        cut="Désolé, j'ai perdu la suite.",
        unheard="Désolé, je ne vous ai pas entendu. Pouvez-vous répéter ?",
        deaf="Désolé, je ne vous entends pas pour le moment. Vous pouvez m'écrire.",
        ending="Notre appel va bientôt se terminer.",
        goodbye="Je dois mettre fin à notre appel. Au revoir.",
    ),
    "es": Phrases(
        hold="Un momento, por favor.",
        still="Sigo en ello.",
        sorry="Lo siento, ahora mismo no puedo responder. Inténtelo de nuevo en un momento.",
        cut="Lo siento, he perdido el resto.",
        unheard="Lo siento, no le he oído. ¿Puede repetirlo?",
        deaf="Lo siento, ahora mismo no puedo oírle. Puede escribirme.",
        ending="Nuestra llamada terminará pronto.",
        goodbye="Tengo que terminar aquí nuestra llamada. Adiós.",
    ),
    "it": Phrases(
        hold="Un momento, per favore.",
        still="Ci sto ancora lavorando.",
        sorry="Mi dispiace, al momento non posso rispondere. Riprovi tra poco.",
        cut="Mi dispiace, ho perso il resto.",
        unheard="Mi dispiace, non l'ho sentita. Può ripetere?",
        deaf="Mi dispiace, al momento non riesco a sentirla. Può scrivermi.",
        ending="La nostra chiamata terminerà presto.",
        goodbye="Devo concludere qui la nostra chiamata. Arrivederci.",
    ),
    "pt": Phrases(
        hold="Um momento, por favor.",
        still="Ainda estou a tratar disso.",
        sorry="Desculpe, não consigo responder agora. Tente de novo daqui a pouco.",
        cut="Desculpe, perdi o resto.",
        unheard="Desculpe, não ouvi. Pode repetir?",
        deaf="Desculpe, não consigo ouvir neste momento. Pode escrever-me.",
        ending="A nossa chamada vai terminar em breve.",
        goodbye="Tenho de terminar aqui a nossa chamada. Adeus.",
    ),
    "nl": Phrases(
        hold="Een moment, alstublieft.",
        still="Ik ben er nog mee bezig.",
        sorry="Sorry, ik kan nu geen antwoord geven. Probeer het zo nog eens.",
        cut="Sorry, ik ben de rest kwijt.",
        unheard="Sorry, ik heb u niet gehoord. Kunt u dat herhalen?",
        deaf="Sorry, ik kan u op dit moment niet horen. U kunt mij schrijven.",
        ending="Ons gesprek loopt bijna af.",
        goodbye="Ik moet ons gesprek hier beëindigen. Tot ziens.",
    ),
}
