"""What a sentence says as a whole: its sentiment, by films reviewed, or what a question asks for, by its class.

    a gorgeous , witty , seductive movie .    ->    very positive

Many to one: a word a step, the class told at the last; cross-entropy. Words are as published, capitals too. One that
occurs once among the sentences to train on is the unknown word, as are those that do not occur there: so the unknown
word too has a vector that is learnt. `Task.data` has how many sentences held out and tested on stand in training too.

- `sst`, the Stanford Sentiment Treebank: 8544 sentences of film reviews, 1101 held out, 2210 to test on. With `phrases`
  the 318,582 phrases of the training trees are trained on, with the labels that these have, as Tai et al. 2015 do.
- `mr`: 10,662 sentences of film reviews, for or against; ten folds by a hash of the sentence, of which `fold` is tested
  on and the next one held out. The treebank was made of the same sentences: never train on one and test on the other.
- `trec`: 5452 questions, a tenth of them held out by a hash, 500 to test on.

What to beat on the test split: of `sst` positive, the class of most sentences in training, is right at 23.1 %, and no
class at more than 28.6 %; of two classes 50.1 %. Published, without word vectors from elsewhere: CNN-rand (Kim 2014)
42.2 % of five classes and 83.5 % of two with phrases, 75.9 % on `mr`, 88.2 % on `trec`; with vectors (GloVe) and
phrases an LSTM has 46.4 % and 84.9 % on `sst` (Tai, Socher & Manning 2015).
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.data._labelled import read_labelled
from rnnx.tasks import _sentiment
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.tasks._words import PARTS, words_of
from rnnx.tasks.language._sentences import CLASSES, Part, Spans, of_texts, of_treebank, published
from rnnx.types import Array, Batch, Example, Scores, Task


def sentiment(*, data: str = "sst", classes: int = 0, phrases: bool = False, fold: int = 0, path: str = "") -> Task:
    """The class of a sentence.

    Inputs are words `[T, B]`, whole numbers below V, with their `lengths`; targets `[T, B]`; weights 1 at the last word
    of each; outputs logits `[T, B, O]`. T is `length`: longer sentences are not drawn, and 40 words are enough for 99
    of 100 of `sst`. `test_batches` has every sentence to test on, whatever its length.

    Scores: `accuracy`; of `sst` also `binary`, of those sentences that are not neutral. How is told by `classes`:

    - 5: the probability of labels 3 and 4 against that of 0 and 1;
    - 3, negative, neutral and positive: positive against negative (Tai, Socher & Manning 2015);
    - 2, negative and positive: what is neutral is left out, of each split: 6920, 872 and 1821 sentences remain.

    The baseline is the cross-entropy at held-out sentences of one who knows how often each class occurs in training.

    Args:
      data: `sst`, `mr` or `trec`.
      classes: 5, 3 or 2 of `sst`, 2 of `mr`, 6 or 50 of `trec`; 0 for the first of these.
      phrases: whether all phrases of the trees of `sst` are trained on, and not the sentences alone.
      fold: which tenth is tested on, of `mr` and of texts of one's own, and held out of `trec`: 0 to 9.
      path: texts of one's own to take instead, a line each: the text, a tab, the name of its class. Relative to the
        working directory, `~` is the home directory.

    Raises:
      rnnx.data.DataError: the data can't be had, or a line of one's own is none of these.
      ValueError: another data set, number of classes or fold, or one that there is not here; data of one's own without
        a text in one of the parts; from `sample`, a length below that of the shortest sentence.

    >>> import jax
    >>> batch = sentiment().sample(jax.random.key(0), 4, 40)  # doctest: +SKIP
    >>> batch.inputs.shape, bool((batch.weights.sum(axis=0) == 1).all())  # doctest: +SKIP
    ((40, 4), True)
    """
    checks.choice("data", data, CLASSES)
    if path:
        made = of_texts(read_labelled(path), 0, fold)
        refused = {"classes": classes, "phrases": phrases}
    else:
        checks.size("fold", fold, least=0, below=PARTS)
        if classes not in (0, *CLASSES[data]):
            raise ValueError(f"classes must be {' or '.join(map(str, CLASSES[data]))} of {data}, not {classes!r}.")
        chosen = classes or CLASSES[data][0]
        refused = {"fold": fold} if data == "sst" else {"phrases": phrases}
        made = of_treebank(chosen, phrases) if data == "sst" else published(data, chosen, fold)
    for option, value in refused.items():
        if value:
            raise ValueError(f"{option} must be left out for {path or data}, which has no choice of it, not {value!r}.")
    parts, words, names = made.parts, made.words, made.names
    O, has_polarity = len(names), not path and data == "sst"

    def batch(texts: Array, spans: Spans, at: Array | np.ndarray, width: int) -> Batch:
        text, start, lengths, target = (jnp.asarray(a)[at].astype(jnp.int32) for a in spans)
        t = jnp.arange(width)[:, None]
        place = jnp.minimum(start + t, texts.shape[1] - 1)
        inputs = jnp.where(t < lengths, texts[text, place].astype(jnp.int32), 0)
        weights = (t == lengths - 1).astype(jnp.float32)
        return Batch(inputs, jnp.broadcast_to(target, inputs.shape), weights, lengths)

    def sampler(part: Part) -> Callable[[Array, int, int], Batch]:
        texts, spans = jnp.asarray(part.texts), part.spans

        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of sentences", length, least=int(spans.length.min()))
            short_enough = jnp.asarray(np.flatnonzero(spans.length <= length))
            return batch(texts, spans, jax.random.choice(key, short_enough, (batch_size,)), length)

        return sample

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        texts, spans = jnp.asarray(parts["test"].texts), parts["test"].spans
        every, width = np.arange(len(spans.length)), int(spans.length.max())
        return (batch(texts, spans, every[n : n + batch_size], width) for n in range(0, len(every), batch_size))

    def read(text: str) -> Batch:
        found = words_of(text, words.numbers())
        if not found:
            raise ValueError("there are no words in it.")
        codes, lengths = words.padded([found])
        zero = np.zeros(1, int)
        one = Spans(text=zero, start=zero, length=lengths, target=zero)
        return batch(jnp.asarray(codes), one, np.arange(1), len(found))

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        length = int(batch.lengths[0])
        said = [words.words[code] for code in np.asarray(batch.inputs)[:length, 0]]
        return examples.text([*said[:1], *(f" {word}" for word in said[1:])], names[int(batch.targets[0, 0])])

    def scores(outputs: Array, batch: Batch) -> Scores:
        found = {"accuracy": (accuracy(outputs, batch), batch.weights)}
        if has_polarity:
            right, counts = _sentiment.polarity(outputs, batch.targets)
            found["binary"] = right, jnp.where(counts, batch.weights, 0)
        return found

    shortest = {name: int(part.spans.length.min()) for name, part in parts.items()}
    return Task(
        sample=sampler(parts["train"]),
        sample_heldout=sampler(parts["heldout"]),
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: made.baseline_loss,
        input_size=len(words.words),
        output_size=O,
        vocab_size=len(words.words),
        loss_unit="cross-entropy (nats per sentence)",
        min_length=max(shortest["train"], shortest["heldout"]),
        data=made.data,
        test_batches=test_batches,
        example=example,
        read=read,
        classes=names,
    )
