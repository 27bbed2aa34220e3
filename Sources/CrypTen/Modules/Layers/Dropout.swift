import Synchronization

/// Dropout: in training elements become 0 with a probability, and the others grow, so that the mean stays; in evaluation the operand itself,
/// and nothing is drawn. Srivastava and others 2014.
///
/// Each call draws its own bits, of which no party knows one; the dealer knows those that it draws. They are drawn by the run that reads the result,
/// once: the gradients of that run see the same bits, and a later run takes an expression that was made anew.
///
/// Of the dealer's bits a bit dealt an element and one selection; see ``Session/bernoulli(_:_:drawnBy:)``.
public struct Dropout: ParameterlessLayer {
    private let probability: Double
    private let source: RandomSource
    private var isTraining = true
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameters:
    ///   - probability: In [0, 1), rounded to a multiple of 2^-fractionBits.
    ///   - source: Who draws the bits.
    public init(
        _ probability: Double = 0.5,
        drawnBy source: RandomSource = .dealer,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.probability, self.source) = (probability, source)
        place = LayerPlace(file, line)
    }

    /// The layer in training, or in evaluation.
    public func training(_ isOn: Bool) -> Dropout {
        var out = self
        out.isTraining = isOn
        return out
    }

    /// Whether the layer draws anything.
    var isDropping: Bool { isTraining && probability != 0 }

    /// The operand, of which some elements are dropped.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        CrypTensor.composing([x], file: place.file, line: place.line) { origin in
            guard (0..<1).contains(probability) else {
                throw CrypTenError(
                    .invalidArgument,
                    "Dropout can't drop with probability \(probability): it must lie in [0, 1)"
                )
            }
            guard isDropping else { return x }
            guard let session = x.node.session else {
                throw CrypTenError(
                    .invalidArgument,
                    "Dropout in training can't take constants of shape \(x.shape): its bits are drawn in a session's run, so it takes what is "
                        + "made of a session's tensors; call eval() for none"
                )
            }
            let isKept = CrypTensor(
                Node(
                    source: .random(
                        .bernoulli(1 - probability),
                        drawnBy: source,
                        x.shape,
                        number: RandomNodeNumbers.next()
                    ),
                    shape: x.shape,
                    kind: .bit,
                    visibility: .secret,
                    session: session,
                    origin: origin,
                    layer: LayerScope.current
                )
            )
            return x.where(isKept, otherwise: 0.0, file: place.file, line: place.line) * (1 / (1 - probability))
        }
    }
}

/// Numbers of the random nodes that layers make, which a session isn't asked for.
///
/// A number tells a random node from the others of its session, at one party: plans count them anew, so parties needn't agree on them.
/// Sessions count theirs from 0 up; layers from −1 down, all of a process together.
private enum RandomNodeNumbers {
    private static let last = Atomic<Int>(0)

    static func next() -> Int {
        last.wrappingSubtract(1, ordering: .relaxed).newValue
    }
}
