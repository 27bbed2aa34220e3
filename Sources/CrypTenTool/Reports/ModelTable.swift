import CrypTen
import CrypTenONNX

extension ONNXModel.Report {
    /// Constants that a table lists; of others there are too many to be read.
    private static let listed = 12

    /// Tables for people.
    func text(file: String) -> String {
        var parts = [TextTable.list(facts(file))]
        parts.append(tensors)
        parts.append(operatorTable)
        if !publicConstants.isEmpty { parts.append(constantTable) }
        if let text = LossNote.weights(losses, fractionBits: fractionBits).text { parts.append("precision: " + text) }
        parts += heldFactors.map { "precision: " + $0 }
        if !refusals.isEmpty { parts.append(refusalText) }
        if let untried { parts.append("not tried to its end: \(untried)") }
        return parts.joined(separator: "\n\n")
    }

    private func facts(_ file: String) -> [(String, String)] {
        let versions = opsets.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        var facts = [("model", name.isEmpty ? file : "\(name) in \(file)")]
        if !producer.isEmpty { facts.append(("written by", producer)) }
        facts.append(("operators of", versions.isEmpty ? "no version said" : versions))
        let numbers =
            "\(parameters.tensors.grouped) tensors, \(parameters.numbers.grouped) numbers, \(parameters.bytes.bytes)"
        let secret = parameters.secretNumbers.map { "; secret \($0.grouped) of the numbers" } ?? ""
        facts.append(("constants", numbers + secret))
        let reasons = refusals.count == 1 ? "1 reason" : "\(refusals.count) reasons"
        facts.append(("can be run", isRunnable ? "yes" : "no, for \(reasons)"))
        return facts
    }

    private var tensors: String {
        func shape(_ dimensions: [String]?) -> String {
            dimensions.map { "[" + $0.joined(separator: ", ") + "]" } ?? "of any shape"
        }
        var table = TextTable(["name", "is", "type", "shape"])
        for input in inputs {
            let kind = input.mustBePublic ? "input, public" : "input"
            table.add([input.name.shortened(to: 60), kind, input.type, shape(input.dimensions)])
        }
        for output in outputs {
            table.add([output.name.shortened(to: 60), "output", output.type, shape(output.dimensions)])
        }
        let reasons = inputs.filter(\.mustBePublic).map {
            "input '\($0.name)' can't be secret: \($0.reason ?? "it decides what is computed")"
        }
        return ([table.text] + reasons).joined(separator: "\n")
    }

    private var operatorTable: String {
        var table = TextTable(["operator", "nodes", "supported"])
        for item in operators.sorted(by: { ($0.domain, $0.name) < ($1.domain, $1.name) }) {
            let title = item.domain.isEmpty ? item.name : "\(item.domain).\(item.name)"
            table.add([title, item.count.grouped, item.isSupported ? "yes" : "no"])
        }
        return table.text
    }

    private var constantTable: String {
        // Floats first, and of integers the largest: what its owner may not have meant to show.
        let sorted = publicConstants.sorted { first, second in
            func rank(_ constant: PublicConstant) -> (Int, Int) {
                (constant.rule == .integer ? 1 : 0, -constant.shape.reduce(1, *))
            }
            return rank(first) < rank(second)
        }
        var table = TextTable(["all parties would see", "type", "shape", "because"])
        for constant in sorted.prefix(ONNXModel.Report.listed) {
            table.add([constant.name.shortened(to: 60), constant.type, "\(constant.shape)", constant.reason])
        }
        let rest = sorted.count - min(sorted.count, ONNXModel.Report.listed)
        return table.text + (rest > 0 ? "\nand \(rest.grouped) more, which --json lists" : "")
    }

    private var refusalText: String {
        let lines = refusals.map { refusal -> String in
            guard let operation = refusal.operation else { return "  " + refusal.reason }
            let named = refusal.nodes.prefix(8).map { $0.shortened(to: 80) }.joined(separator: ", ")
            let rest = refusal.nodes.count - min(refusal.nodes.count, 8)
            let nodes =
                refusal.nodes.count == 1 ? "node \(named)" : "nodes \(named)\(rest > 0 ? " and \(rest) more" : "")"
            return "  \(operation) (\(nodes)): \(refusal.reason)"
        }
        return "refused, for:\n" + lines.joined(separator: "\n")
    }
}
