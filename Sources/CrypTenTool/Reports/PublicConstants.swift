import CrypTen
import CrypTenONNX

/// Which constants of a model all parties will see, and why: said by the model's owner before anything is sent.
///
/// Every float is named with its size. Of integers and booleans, which are shapes, axes and places, the largest are named and
/// the others counted.
struct PublicConstants {
    private let constants: [ONNXModel.Constant]

    init(of model: ONNXModel) {
        constants = model.constants.filter { $0.visibility == .public && $0.shape.count > 0 }
    }

    /// Integers that are named; the others are counted.
    private static let namedIntegers = 4

    /// Lines of text; nil: all parties see none.
    var text: String? {
        if constants.isEmpty { return nil }
        let lines = ONNXModel.Rule.allCases.sorted { weight($0) > weight($1) }.compactMap(line)
        return (["all parties will see these constants of the model:"] + lines).joined(separator: "\n")
    }

    private func line(_ rule: ONNXModel.Rule) -> String? {
        let members = constants.filter { $0.rule == rule }
        if members.isEmpty { return nil }
        let names: String
        switch rule {
        case .integer:
            let sorted = members.sorted { $0.shape.count > $1.shape.count }
            let named = sorted.prefix(PublicConstants.namedIntegers).map(described).joined(separator: ", ")
            let rest = sorted.dropFirst(PublicConstants.namedIntegers)
            names =
                named
                + (rest.isEmpty
                    ? "" : ", and \(rest.count) more with \(count(rest.reduce(0) { $0 + $1.shape.count }))")
        case .number: names = members.map { line($0.name) }.joined(separator: ", ")
        default:
            names = members.map { described($0) + ($0.reader.map { " by node \($0)" } ?? "") }.joined(separator: ", ")
        }
        return "  \(rule.explanation): \(names)"
    }

    private func described(_ constant: ONNXModel.Constant) -> String {
        "\(line(constant.name)) \(constant.type.rawValue) \(constant.shape) (\(count(constant.shape.count)))"
    }

    private func count(_ numbers: Int) -> String {
        numbers == 1 ? "1 number" : "\(numbers.grouped) numbers"
    }

    /// What its owner may not have meant to show comes first.
    private func weight(_ rule: ONNXModel.Rule) -> Int {
        switch rule {
        case .open: 5
        case .scale: 4
        case .bound: 3
        case .shape: 2
        case .number, .exponent: 1
        default: 0
        }
    }

    /// A name from a file, so that it can't break a line.
    private func line(_ name: String) -> String {
        String(name.map { $0.isNewline ? " " : $0 })
    }
}
