import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation

/// What runs that are prepared take of memory.
extension ClusterFile {
    /// What a process may fill where the file says nothing.
    private static let usualMemory = 2 << 30

    /// Whether the prepared runs of a member's own models fit, beside requests, into what the file lets a process fill.
    ///
    /// What is dealt ahead lies at the last party, but for its seeds, and where there is no dealer what is made at each; other members' models have their files elsewhere.
    ///
    /// - Returns: A warning, or nothing.
    /// - Throws: what is wrong with a model's file.
    func preparedFaults(of name: String, files: [String: String]) throws -> [ClusterFault] {
        var (bytes, runs) = (0, 0)
        for model in models where model.owner == name && !model.prepared.isEmpty {
            guard let path = files[model.name], FileManager.default.isReadableFile(atPath: path) else { continue }
            let onnx = try ONNXModel(
                contentsOf: URL(fileURLWithPath: path),
                secret: Set(model.secret),
                open: Set(model.open)
            )
            for (size, count) in model.prepared {
                for bucket in 0..<(model.inputs.first?.shapes.count ?? 0) {
                    let dealt = try dealtBytes(model, onnx, size: size, bucket: bucket)
                    bytes =
                        bytes.addingReportingOverflow(dealt.multipliedReportingOverflow(by: count).partialValue)
                        .partialValue
                    runs += count
                }
            }
        }
        let limit = limits.memory ?? ClusterFile.usualMemory
        // Requests have a half of it.
        guard bytes > limit / 2, let last = members.last else { return [] }
        func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
        return [
            ClusterFault(
                "the \(runs) runs of \(name)'s models that are prepared take about \(mebibytes(bytes)) at "
                    + (correlations == .dealer ? "\(last.name), the last party, and of " : "either party, and of ")
                    + "limits.memory, \(mebibytes(limit)), requests may take half: prepare fewer, or allow more",
                gravity: .warning
            )
        ]
    }

    /// What a dealer sends for one run; without one, what either party stores of it.
    private func dealtBytes(_ settings: Model, _ model: ONNXModel, size: Int, bucket: Int) throws -> Int {
        var rehearsal = try Rehearsal(
            parties: members.count,
            fractionBits: fractionBits,
            slabBits: slabBits,
            correlations: correlations,
            transferTreeHeight: transferTreeHeight
        )
        let announced = rehearsal.announce(model, from: PartyID(0))
        var tensors: [String: CrypTensor] = [:]
        for input in model.inputs {
            guard let given = settings.inputs.first(where: { $0.name == input.name }), bucket < given.shapes.count
            else {
                throw CrypTenError(
                    .invalidArgument,
                    "model '\(settings.name)' has an input '\(input.name)', of which the cluster file doesn't say all shapes"
                )
            }
            let shape = try Shape(checking: [size] + given.shapes[bucket].dropFirst().compactMap(\.self))
            let value = rehearsal.input(
                from: PartyID(0),
                shape: shape,
                kind: input.type.kind == .real ? .real : .integer,
                name: input.name
            )
            tensors[input.name] =
                input.type.kind == .bit
                ? value.clampingAnyWord(to: 0...1) .> 0 : value.clampingAnyWord(to: given.range)
        }
        let (module, _) = try rehearsal.hold(announced)
        let outputs = try module(tensors)
        let results = model.outputs.compactMap { outputs[$0.name] }
        return switch correlations {
        case .dealer: try rehearsal.cost(of: results, revealingTo: .party(0)).dealerBytes
        case .parties: try rehearsal.offlineCost(of: results, revealingTo: .party(0)).storedBytes
        }
    }
}
