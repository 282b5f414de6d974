"""A conversation as memory meets it: what is said and shown, and the requests that are made of it."""

from livekit.agents.llm import ChatContext, ChatItem, ChatMessage, FunctionCall, FunctionCallOutput, ImageContent

from agent.uploads.message import upload_message
from agent.vision.memory import Memory, Shown
from tests.fakes import FakeSight, picture


class Talk:
    """A conversation, moved on as the framework does it (see `AgentActivity` in livekit-agents 1.8.9).

    Each request gets a copy of the history, which shares its messages; a turn enters history only once it counts.
    """

    def __init__(self, **options: int):
        self.sight = FakeSight()
        self.now = 1_700_000_010.0
        self.memory = Memory(self.sight, clock=lambda: self.now, **options)  # type: ignore[arg-type]
        self.history = ChatContext.empty()
        self.history.add_message(role="system", content="You see.")
        self.replies = 0

    @property
    def reply(self) -> str:
        """Id of the newest reply."""
        return f"speech_{self.replies}"

    async def request(self, *more: ChatItem, again: str = "") -> ChatContext:
        """One model request over the history and what is not part of it yet: for a new reply, or `again` for one."""
        if not again:
            self.replies += 1
        context = self.history.copy()
        context.items.extend(more)
        return await self.memory.request(context, again or self.reply)

    def shown(self, reply: str = "") -> Shown:
        """What a reply was made from: the newest one, or another."""
        shown = self.memory.shown_for(reply or self.reply)
        assert shown is not None
        return shown

    async def turn(self, text: str) -> ChatContext:
        """A turn without speculation (or typed), answered."""
        message = said(text)
        sent = await self.request(message)
        self.history.items.append(message)
        self.answer()
        return sent

    async def adopted_turn(self, text: str) -> ChatContext:
        """A turn whose speculative reply is adopted, answered."""
        speculation = said(text)
        sent = await self.request(speculation)
        committed = said(text)
        self.memory.adopt(committed, self.history.items)
        speculation.content = committed.content.copy()
        self.history.items.append(speculation)
        self.answer()
        return sent

    def answer(self, text: str = "I see.") -> None:
        """The agent's words enter history."""
        self.history.add_message(role="assistant", content=text)

    def upload(self, name: str) -> ChatMessage:
        """A verified picture enters history."""
        message = upload_message(picture(name), name, caption="my cat", at=1_700_000_000, detail="auto")
        self.history.items.append(message)
        return message

    def refused(self, history: ChatContext, sent: ChatContext) -> ChatContext:
        """The provider refuses what was sent, and takes the same in words, which is given."""
        self.memory.give_up_pictures(history, self.reply)
        return self.memory.without_pictures(sent)

    def tool(self, name: str) -> list[ChatItem]:
        """A tool call and its output, not part of history yet."""
        call = FunctionCall(call_id=name, name="look_up", arguments="{}")
        return [call, FunctionCallOutput(call_id=name, name="look_up", output="done", is_error=False)]


def said(text: str) -> ChatMessage:
    """What the user said, as the framework wraps it: each time under another id."""
    return ChatMessage(role="user", content=[text])


def pictures(context: ChatContext) -> list[str]:
    """The addresses of all pictures, in order."""
    return [str(image.image) for message in context.messages() for image in images_of(message)]


def images_of(message: ChatMessage) -> list[ImageContent]:
    """The pictures of one message."""
    return [content for content in message.content if isinstance(content, ImageContent)]


def lines(context: ChatContext) -> list[str]:
    """Every line of text in square brackets: what we say about pictures."""
    texts = [content for message in context.messages() for content in message.content if isinstance(content, str)]
    return [text for text in texts if text.startswith("[")]
