import CrypTen
import CrypTenRing
import Foundation

/// What fixed point takes from secret constants that are added before a logarithm, a root or a reciprocal, such as the 10⁻¹⁰ of a
/// decibel: a second weight holds it, times one unit of the encoding.
///
/// Together they have 2f fraction bits, as many as the sum of products that they are added to, which the function reads untruncated. This
/// costs one more masked number in the setup, and nothing in a run.
package struct AddendRemainders: Sendable {
    /// The names of constants and of their remainders.
    package private(set) var names: [String: String] = [:]
    /// One unit of the encoding.
    private var unit = 1.0

    init() {}

    init(of model: ONNXModel, fractionBits: Int) {
        unit = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        // What is trained has more fraction bits.
        if model.purpose == .training { return }
        var taken = Set(model.parameters.map(\.name))
        for parameter in model.parameters where model.isAddend(parameter) {
            names[parameter.name] = taken.unused("\(parameter.name).remainder")
        }
    }

    /// At the owner: what is encoded of a constant, and the rest of it in units.
    func parts(of value: Tensor) -> (encoded: Tensor, rest: Tensor) {
        let encoded = value.doubles.map { ($0 / unit).rounded() * unit }
        let rest = zip(value.doubles, encoded).map { ($0 - $1) / unit }
        return (Tensor(encoded, shape: value.shape), Tensor(rest, shape: value.shape))
    }

    /// The constants with all their bits.
    func added(to tensors: [String: CrypTensor]) -> [String: CrypTensor] {
        var whole = tensors
        for (name, remainder) in names {
            guard let constant = tensors[name], let rest = whole.removeValue(forKey: remainder) else { continue }
            whole[name] = constant + rest * unit
        }
        return whole
    }
}

extension ONNXModel {
    /// Operators that read a sum at whatever scale it has.
    private static let functionsOfMagnitude: Set<String> = ["Log", "Sqrt", "Reciprocal"]

    /// Whether a weight is one number that is only added to what such a function reads.
    fileprivate func isAddend(_ parameter: Parameter) -> Bool {
        guard parameter.shape.count == 1, parameter.type.kind == .real, !parameter.isSeparated,
            weightExponents[parameter.name] == nil,
            case let sums = nodes.filter({ $0.inputs.contains(parameter.name) }),
            !sums.isEmpty, !outputs.contains(where: { $0.name == parameter.name })
        else { return false }
        return sums.allSatisfy { sum in
            guard sum.operation == "Add", let name = sum.outputs.first, !name.isEmpty,
                !outputs.contains(where: { $0.name == name })
            else { return false }
            let readers = nodes.filter { $0.inputs.contains(name) }
            return !readers.isEmpty && readers.allSatisfy { ONNXModel.functionsOfMagnitude.contains($0.operation) }
        }
    }
}
