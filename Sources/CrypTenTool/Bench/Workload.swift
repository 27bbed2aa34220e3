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
            /// Whole numbers from 0 on, spread evenly over so many places: in each row as many counts of words as it has.
            case counts(words: Int)
            /// What a layer starts with.
            case initial(Initializer)
            /// A number that all parties know and that another step has otherwise, as a learning rate.
            case rate(Double)
        }

        var name: String
        var owner: Int
        var shape: Shape
        var numbers: Numbers
        /// Whether a session gets the numbers and keeps their squares, which may be as small as no input is.
        var isSquared = false

        /// What is kept of the numbers.
        func held(_ tensor: CrypTensor) -> CrypTensor {
            isSquared ? tensor.square() : tensor
        }

        var kind: ElementKind {
            if case .integer = numbers { .integer } else { .real }
        }

        /// Whether all parties know the numbers.
        var isPublic: Bool {
            if case .rate = numbers { true } else { false }
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
            case .counts(let words):
                Tensor(
                    (0..<shape[0]).flatMap { _ -> [Double] in
                        var row = [Double](repeating: 0, count: shape[1])
                        for _ in 0..<words { row[Int.random(in: 0..<shape[1], using: &random)] += 1 }
                        return row
                    },
                    shape: shape
                )
            case .initial(let initializer): initial(initializer, &random)
            case .rate(let value): Tensor(value)
            }
        }

        private func initial(_ initializer: Initializer, _ random: inout InsecureSeededNumbers) -> Tensor {
            let specification = ParameterSpecification(name: name, shape: shape, initializer: initializer)
            guard let drawn = try? specification.draw(using: &random) else {
                preconditionFailure("\(name) starts with what its layer says")
            }
            return drawn
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
    /// Of training, the fraction bits with which each result is kept, and each of the weights, if there are any, that the results succeed.
    var fractionBits: [Int] = []
    /// Its results, from the operands by name.
    var body: @Sendable ([String: CrypTensor]) -> [CrypTensor]

    /// A workload of one result.
    init(
        name: String,
        summary: String,
        inputs: [Operand],
        weights: [Operand] = [],
        body: @escaping @Sendable ([String: CrypTensor]) -> CrypTensor
    ) {
        self.init(name: name, summary: summary, inputs: inputs, weights: weights, fractionBits: []) { [body($0)] }
    }

    /// Training, whose results have these fraction bits.
    init(
        name: String,
        summary: String,
        inputs: [Operand],
        weights: [Operand] = [],
        fractionBits: [Int],
        body: @escaping @Sendable ([String: CrypTensor]) -> [CrypTensor]
    ) {
        (self.name, self.summary, self.inputs, self.weights) = (name, summary, inputs, weights)
        (self.fractionBits, self.body) = (fractionBits, body)
    }

    var operands: [Operand] {
        inputs + weights
    }

    /// Expressions, each with the fraction bits that its value is kept with; nil: as it is.
    func results(_ expressions: [CrypTensor]) -> [(tensor: CrypTensor, fractionBits: Int?)] {
        expressions.enumerated().map { ($1, fractionBits.isEmpty ? nil : fractionBits[$0]) }
    }

    /// What a time is divided by: the openings of the one workload that is measured by the opening.
    var openingsMeasured: Double {
        name == Workload.roundTrip.name ? Double(Workload.roundTrips) : 1
    }

    /// All workloads, in the order of `crypten bench --list`.
    static let all: [Workload] = elementary + functions + networks + sequences + training + modules + [roundTrip]

    static func named(_ name: String) -> Workload? {
        all.first { $0.name == name }
    }
}
