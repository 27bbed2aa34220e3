import CrypTen

/// Something to measure: operands with seeded numbers, and what is computed from them.
struct Workload: Sendable {
    /// A tensor of one party.
    struct Operand: Sendable {
        enum Numbers: Sendable {
            case uniform(ClosedRange<Double>)
            /// The same rounded to multiples of 2^-16: what fixed point holds exactly.
            case exact(ClosedRange<Double>)
            case normal(deviation: Double)
            /// Weights of a convolution, normally distributed, times what the batch normalisation of this name multiplies by.
            case normalized(deviation: Double, by: String)
            /// What the batch normalisation of this name adds.
            case normalization(String)
            /// Whole numbers, all the same.
            case integer(Int)
            /// In each row one 1, the rest 0.
            case oneHot
        }

        var name: String
        var owner: Int
        var shape: Shape
        var numbers: Numbers

        var kind: ElementKind {
            if case .integer = numbers { .integer } else { .real }
        }

        /// The numbers, the same wherever they are made.
        var tensor: Tensor {
            var random = InsecureSeededNumbers(name: name)
            return switch numbers {
            case .uniform(let range): Tensor(random.uniform(range, count: shape.count), shape: shape)
            case .exact(let range):
                Tensor(random.uniform(range, count: shape.count).map { ($0 * 65536).rounded() / 65536 }, shape: shape)
            case .normal(let deviation): Tensor(random.normal(deviation: deviation, count: shape.count), shape: shape)
            case .normalized(let deviation, let name):
                Tensor(scaled(random.normal(deviation: deviation, count: shape.count), by: name), shape: shape)
            case .normalization(let name):
                Tensor(BatchNormalization(name: name, channels: shape.count).terms, shape: shape)
            case .integer(let value): Tensor([Int](repeating: value, count: shape.count), shape: shape)
            case .oneHot:
                Tensor(
                    (0..<shape[0]).flatMap { _ -> [Double] in
                        let place = Int.random(in: 0..<shape[1], using: &random)
                        return (0..<shape[1]).map { $0 == place ? 1 : 0 }
                    },
                    shape: shape
                )
            }
        }

        private func scaled(_ weights: [Double], by name: String) -> [Double] {
            let factors = BatchNormalization(name: name, channels: shape[0]).factors
            let each = weights.count / factors.count
            return weights.enumerated().map { $1 * factors[$0 / each] }
        }
    }

    /// Batch normalisation in a trained network: y = factor · x + term, by channel.
    private struct BatchNormalization {
        var factors: [Double]
        var terms: [Double]

        init(name: String, channels: Int) {
            var random = InsecureSeededNumbers(name: name)
            let weights = random.uniform(0.5...1, count: channels)
            let biases = random.uniform(-0.1...0.1, count: channels)
            let means = random.uniform(-0.1...0.1, count: channels)
            let variances = random.uniform(0.5...1.5, count: channels)
            let factors = zip(weights, variances).map { $0 / $1.squareRoot() }
            self.factors = factors
            terms = (0..<channels).map { biases[$0] - means[$0] * factors[$0] }
        }
    }

    var name: String
    /// What is computed, on one line.
    var summary: String
    /// What each use brings anew.
    var inputs: [Operand]
    /// What a served model has masked already.
    var weights: [Operand] = []
    /// Of training, the fraction bits with which weights are kept.
    var fractionBits: Int?
    /// From the operands, by name.
    var body: @Sendable ([String: CrypTensor]) -> CrypTensor

    var operands: [Operand] {
        inputs + weights
    }

    /// What a time is divided by: the openings of the one workload that is measured by the opening.
    var openingsMeasured: Double {
        name == Workload.roundTrip.name ? Double(Workload.roundTrips) : 1
    }

    /// All workloads, in the order of `crypten bench --list`.
    static let all: [Workload] = elementary + functions + networks + sequences + training + [roundTrip]

    static func named(_ name: String) -> Workload? {
        all.first { $0.name == name }
    }
}
