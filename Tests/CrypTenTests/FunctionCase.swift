import CrypTenBase
import CrypTenExpressions
import CrypTenRing

/// A call of a function on numbers, and what PyTorch says of its value and of its gradients.
struct FunctionCase: Decodable, Sendable {
    struct Input: Decodable, Sendable {
        var name: String
        var shape: Shape
        var values: [Double]

        var tensor: Tensor { Tensor(values, shape: shape) }
    }

    struct Output: Decodable, Sendable {
        var shape: Shape
        var values: [Double]
    }

    /// The gradients of Σ gradients · directions.
    struct Second: Decodable, Sendable {
        var directions: [[Double]]
        var gradients: [[Double]]
    }

    /// Numbers that a case says are right.
    struct Expectation: Sendable {
        var name: String
        var numbers: [Double]
        var isSecond = false
    }

    /// The function's name in Swift.
    var function: String
    var arguments: [String: FixtureValue]
    /// Which of several results is meant.
    var result: FixtureValue?
    var inputs: [Input]
    /// What the value's elements are multiplied by before they are summed: the gradients are those of the sum.
    var weights: [Double]
    var output: Output
    /// For each input.
    var gradients: [[Double]]
    var second: Second?

    /// The value, the gradients, and the second ones.
    var expectations: [Expectation] {
        let first = zip(inputs, gradients).map { Expectation(name: "gradient of \($0.name)", numbers: $1) }
        let last = zip(inputs, second?.gradients ?? []).map {
            Expectation(name: "second gradient of \($0.name)", numbers: $1, isSecond: true)
        }
        return [Expectation(name: "value", numbers: output.values)] + first + last
    }

    /// The expressions of which these numbers are expected, nil where no path leads to an input: then all are 0.
    ///
    /// The tensors are secrets for the inputs, in their order.
    func expressions(on tensors: [CrypTensor], withSecond: Bool) throws -> [CrypTensor?] {
        let value = try called(on: tensors)
        let total = (value * CrypTensor(constant: Tensor(weights, shape: value.shape))).sum()
        let slopes = try Self.paths(gradient(of: total, withRespectTo: tensors), to: tensors)
        guard withSecond, let second else { return [value] + slopes }
        let terms = zip(slopes, second.directions).compactMap { slope, direction in
            slope.map { ($0 * CrypTensor(constant: Tensor(direction, shape: $0.shape))).sum() }
        }
        guard let first = terms.first else { return [value] + slopes + tensors.map { _ in nil } }
        let bends = gradient(of: terms.dropFirst().reduce(first, +), withRespectTo: tensors)
        return try [value] + slopes + Self.paths(bends, to: tensors)
    }

    private func called(on tensors: [CrypTensor]) throws -> CrypTensor {
        guard let entry = FunctionTable.entries[function] else {
            throw FixtureError(description: "the table has no \(function)")
        }
        var values = arguments
        values["result"] = result
        let call = Arguments(values, tensors: Dictionary(uniqueKeysWithValues: zip(inputs.map(\.name), tensors)))
        let value = try entry(call)
        if let error = value.error { throw error }
        guard call.unread.isEmpty else {
            throw FixtureError(description: "the call leaves out \(call.unread.sorted())")
        }
        guard value.shape == output.shape else {
            throw FixtureError(description: "the value has shape \(value.shape) instead of \(output.shape)")
        }
        return value
    }

    private static func paths(_ gradients: [CrypTensor], to tensors: [CrypTensor]) throws -> [CrypTensor?] {
        try zip(gradients, tensors).map { gradient, tensor in
            if let error = gradient.error {
                guard error.code == .noGradient else { throw error }
                return nil
            }
            guard gradient.shape == tensor.shape else {
                throw FixtureError(description: "a gradient has shape \(gradient.shape) instead of \(tensor.shape)")
            }
            return gradient
        }
    }
}

extension FunctionCase: ReportedCase {
    var title: String { function }

    /// Its arguments and the shapes of its inputs.
    var summary: String {
        let shapes = inputs.map { "\($0.name) \($0.shape)" }
        let others = arguments.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return "(" + (shapes + others).joined(separator: ", ") + ")"
    }
}

extension FixtureValue: CustomStringConvertible {
    var description: String {
        switch self {
        case .null: "nil"
        case .flag(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .text(let text): text
        case .list(let list): "\(list)"
        case .fields(let fields):
            "[" + fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "]"
        }
    }
}
