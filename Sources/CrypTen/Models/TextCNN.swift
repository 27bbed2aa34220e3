/// Convolutions over words: from word numbers `[N, T]` to `[N, classes]`; Kim 2014.
///
/// State: `embedding.weight`, `convs.0.weight [filters, width, size]` and so on, `fc.weight`. Each filter's largest value over the text goes to the
/// classifier.
public struct TextCNN: CompositeModule, Layer {
    /// A vector for each word.
    public var embedding: Embedding
    /// Convolutions of several lengths.
    public var convolutions: ModuleList<Conv1d>
    /// A unit for each class.
    public var fc: Linear
    private var dropout: Dropout

    /// The parts.
    public static var children: [Child<Self>] {
        [
            Child("embedding", \.embedding), Child("convs", \.convolutions), Child("fc", \.fc),
            Child("dropout", \.dropout),
        ]
    }

    /// A network without values yet; the defaults are the paper's.
    ///
    /// - Parameters:
    ///   - words: How many there are.
    ///   - classes: How many.
    ///   - width: How long a word's vector is.
    ///   - sizes: How many words a convolution's window has.
    ///   - filters: How many each convolution has.
    ///   - dropout: The probability with which features are dropped in training.
    public init(
        words: Int,
        classes: Int,
        width: Int = 300,
        sizes: [Int] = [3, 4, 5],
        filters: Int = 100,
        dropout: Double = 0.5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        embedding = Embedding(words, width, file: file, line: line)
        convolutions = ModuleList(sizes.map { Conv1d(width, filters, kernelSize: $0, file: file, line: line) })
        fc = Linear(filters.multipliedReportingOverflow(by: sizes.count).partialValue, classes, file: file, line: line)
        self.dropout = Dropout(dropout, file: file, line: line)
    }

    /// A score for each class, of word numbers, or of one-hot rows `[N, T, words]`.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let vectors = withLayer("embedding") { x.rank == 3 ? embedding(oneHot: x) : embedding(x) }.transposed(1, 2)
        let largest = convolutions.modules.enumerated().map { index, convolution in
            // The larger of two is taken before negative ones become 0: one comparison an element less.
            withLayer("convs.\(index)") { convolution(vectors).max(axis: 2).relu() }
        }
        return withLayer("fc") { fc(dropout(concatenate(largest, axis: 1))) }
    }
}
