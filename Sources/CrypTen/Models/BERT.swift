/// BERT's encoder: from word numbers `[N, T]` to a vector for each, `[N, T, width]`; Devlin, Chang, Lee and Toutanova 2019.
///
/// State by the names of transformers' `BertModel`: `embeddings.word_embeddings`, `encoder.layer.0.attention.self.query` and so on,
/// `pooler.dense`. The base network has 109,482,240 numbers.
///
/// Word numbers are public, or secret as integers or one-hot rows; see ``Embedding``.
public struct BERT: CompositeModule, Layer {
    /// Words, positions and segments.
    public var embeddings: BERTEmbeddings
    /// The layers.
    public var layers: ModuleList<BERTLayer>
    /// What makes a text's vector of its first word's.
    public var pooler: Linear?

    /// The parts, by transformers' names.
    public static var children: [Child<Self>] {
        [
            Child("embeddings", \.embeddings), Child("encoder.layer", \.layers), Child("pooler.dense", \.pooler),
        ]
    }

    /// A network without values yet; the default is the base network.
    ///
    /// - Parameters:
    ///   - words: How many there are.
    ///   - width: How long a word's vector is.
    ///   - layers: How many.
    ///   - heads: How many attention has.
    ///   - feedForwardWidth: The extent between a layer's two products.
    ///   - positions: How long a text may be.
    ///   - segments: How many kinds of segments there are.
    ///   - dropout: The probability with which elements are dropped in training.
    ///   - pooler: Whether there is one.
    public init(
        words: Int = 30522,
        width: Int = 768,
        layers: Int = 12,
        heads: Int = 12,
        feedForwardWidth: Int = 3072,
        positions: Int = 512,
        segments: Int = 2,
        dropout: Double = 0.1,
        pooler: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        let place = LayerPlace(file, line)
        embeddings = BERTEmbeddings(words, width, positions, segments, dropout, at: place)
        let layer = BERTLayer(width, heads, feedForwardWidth, dropout, at: place)
        self.layers = ModuleList([BERTLayer](repeating: layer, count: max(0, layers)))
        if pooler { self.pooler = .bert(width, width, at: place) }
    }

    /// Each word's vector, of texts of one segment.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, mask: nil) }

    /// Each word's vector.
    ///
    /// - Parameters:
    ///   - words: Their numbers, `[N, T]`, or one-hot bits `[N, T, words]`.
    ///   - segments: Each word's segment, `[N, T]`, public or secret; zeros where nil.
    ///   - mask: Bits that broadcast to `[N, heads, T, T]`, 1 where a word may read another.
    public func callAsFunction(_ words: CrypTensor, segments: CrypTensor? = nil, mask: CrypTensor?) -> CrypTensor {
        let start = withLayer("embeddings") { embeddings(words, segments: segments) }
        return withLayer("encoder.layer") {
            layers.modules.enumerated().reduce(start) { value, next in
                withLayer("\(next.offset)") { next.element(value, mask: mask) }
            }
        }
    }

    /// A text's vector, of its words': what the pooler makes of the first one's.
    public func pooled(_ vectors: CrypTensor) -> CrypTensor {
        if vectors.error != nil { return vectors }
        let first = vectors.narrow(axis: 1, start: 0, length: 1).squeeze(axis: 1)
        return pooler.map { pooler in withLayer("pooler") { pooler(first).tanh() } } ?? first
    }
}

/// The sum of a word's, a position's and a segment's vector, normalised.
public struct BERTEmbeddings: CompositeModule {
    /// A vector for each word.
    public var words: Embedding
    /// A vector for each position.
    public var positions: Embedding
    /// A vector for each segment.
    public var segments: Embedding
    /// The sum's normalisation.
    public var norm: LayerNorm
    private var dropout: Dropout

    /// The parts, by transformers' names.
    public static var children: [Child<Self>] {
        [
            Child("word_embeddings", \.words), Child("position_embeddings", \.positions),
            Child("token_type_embeddings", \.segments), Child("LayerNorm", \.norm), Child("dropout", \.dropout),
        ]
    }

    fileprivate init(
        _ words: Int,
        _ width: Int,
        _ positions: Int,
        _ segments: Int,
        _ dropout: Double,
        at place: LayerPlace
    ) {
        func table(_ count: Int, paddingIndex: Int? = nil) -> Embedding {
            let start = Initializer.normal(deviation: 0.02)
            return Embedding(count, width, paddingIndex: paddingIndex, file: place.file, line: place.line)
                .initializing("weight", paddingIndex.map { .zeroRow($0, of: start) } ?? start)
        }
        self.words = table(words, paddingIndex: 0)
        self.positions = table(positions)
        self.segments = table(segments)
        norm = LayerNorm(width, epsilon: 1e-12, file: place.file, line: place.line)
        self.dropout = Dropout(dropout, file: place.file, line: place.line)
    }

    /// The normalised sums, `[N, T, width]`.
    public func callAsFunction(_ numbers: CrypTensor, segments kinds: CrypTensor? = nil) -> CrypTensor {
        let vectors = numbers.rank == 3 ? words(oneHot: numbers) : words(numbers)
        guard vectors.error == nil else { return vectors }
        guard vectors.rank == 3 else {
            return CrypTensor.composing([], file: norm.state.place.file, line: norm.state.place.line) { _ in
                throw CrypTenError(
                    .shapeMismatch,
                    "BERT can't take word numbers of shape \(numbers.shape): it takes [N, T], or one-hot rows [N, T, words]"
                )
            }
        }
        let steps = CrypTensor(constant: Tensor(Array(0..<vectors.shape[1]), shape: [vectors.shape[1]]))
        let kinds = kinds ?? CrypTensor(constant: Tensor([0], shape: [1]))
        return dropout(withLayer("LayerNorm") { norm(vectors + positions(steps) + segments(kinds)) })
    }
}

/// A layer of BERT: attention and a network for each step, each with its residual sum and normalisation.
public struct BERTLayer: CompositeModule {
    /// Attention's queries.
    public var query: Linear
    /// Attention's keys.
    public var key: Linear
    /// Attention's values.
    public var value: Linear
    /// What joins attention's heads.
    public var attentionOutput: Linear
    /// The normalisation of attention.
    public var attentionNorm: LayerNorm
    /// The step network's first product.
    public var intermediate: Linear
    /// Its second one.
    public var output: Linear
    /// Its normalisation.
    public var outputNorm: LayerNorm
    private var dropout: Dropout
    private let heads: Int

    /// The parts, by transformers' names.
    public static var children: [Child<Self>] {
        [
            Child("attention.self.query", \.query), Child("attention.self.key", \.key),
            Child("attention.self.value", \.value), Child("attention.output.dense", \.attentionOutput),
            Child("attention.output.LayerNorm", \.attentionNorm), Child("intermediate.dense", \.intermediate),
            Child("output.dense", \.output), Child("output.LayerNorm", \.outputNorm), Child("dropout", \.dropout),
        ]
    }

    fileprivate init(_ width: Int, _ heads: Int, _ inner: Int, _ dropout: Double, at place: LayerPlace) {
        (query, key, value) = (
            .bert(width, width, at: place), .bert(width, width, at: place), .bert(width, width, at: place)
        )
        attentionOutput = .bert(width, width, at: place)
        attentionNorm = LayerNorm(width, epsilon: 1e-12, file: place.file, line: place.line)
        intermediate = .bert(width, inner, at: place)
        output = .bert(inner, width, at: place)
        outputNorm = LayerNorm(width, epsilon: 1e-12, file: place.file, line: place.line)
        self.dropout = Dropout(dropout, file: place.file, line: place.line)
        self.heads = heads
    }

    /// The layer's value of `[N, T, width]`.
    public func callAsFunction(_ x: CrypTensor, mask: CrypTensor? = nil) -> CrypTensor {
        let place = query.state.place
        let attended = CrypTensor.composing([x], file: place.file, line: place.line) { _ in
            guard x.rank == 3, heads > 0, x.shape[2].isMultiple(of: heads) else {
                throw CrypTenError(.shapeMismatch, "BERT of \(heads) heads can't take shape \(x.shape)")
            }
            let apart = [x.shape[0], x.shape[1], heads, x.shape[2] / heads]
            func split(_ projection: Linear) -> CrypTensor { projection(x).reshape(apart).permuted([0, 2, 1, 3]) }
            let read = withLayer("attention.self") {
                attention(split(query), split(key), split(value), mask: mask, dropout: dropout, at: place)
            }
            return withLayer("attention.output") {
                dropout(attentionOutput(read.permuted([0, 2, 1, 3]).reshape(x.shape)))
            }
        }
        let sum = withLayer("attention.output") { attentionNorm(x + attended) }
        let inner = withLayer("intermediate") { intermediate(sum).gelu() }
        return withLayer("output") { outputNorm(sum + dropout(output(inner))) }
    }
}

extension Linear {
    /// A layer that starts as transformers' do.
    fileprivate static func bert(_ from: Int, _ to: Int, at place: LayerPlace) -> Linear {
        Linear(from, to, file: place.file, line: place.line).initializing("weight", .normal(deviation: 0.02))
            .initializing("bias", .zeros)
    }
}
