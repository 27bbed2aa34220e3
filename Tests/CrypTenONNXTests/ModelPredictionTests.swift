import CrypTen
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// A model and its inputs, as it is predicted and run.
private struct PredictedModel {
    var model: ONNXModel
    var inputs: [String: Tensor]
    var publicInputs: Set<String>

    private var known: Set<String> {
        Set(
            model.inputs.filter { $0.mustBeKnown || $0.isKnownWherePublic && publicInputs.contains($0.name) }.map(
                \.name
            )
        )
    }

    /// What the run would cost, once it has been measured on made-up values.
    func predicted() throws -> (cost: Cost, seconds: Double) {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let module = rehearsal.announce(model, from: .party(1))
        var tensors: [String: CrypTensor] = [:]
        for input in model.inputs {
            guard let tensor = inputs[input.name], !known.contains(input.name) else { continue }
            tensors[input.name] =
                publicInputs.contains(input.name)
                ? rehearsal.publicInput(shape: tensor.shape, kind: tensor.kind)
                : rehearsal.input(
                    from: .party(0),
                    shape: tensor.shape,
                    kind: tensor.kind == .bit ? .integer : tensor.kind
                )
        }
        let (held, _) = try rehearsal.hold(module)
        let outputs = try held(tensors, publicValues: inputs.filter { known.contains($0.key) })
        let run = try rehearsal.measure(
            model.outputs.compactMap { outputs[$0.name] },
            revealingTo: .party(0),
            machines: .shared,
            threads: 1
        )
        return (run.cost, run.prediction(on: .lan).seconds)
    }

    /// What the run costs by the parties' counters.
    func statistics() async throws -> [SessionStatistics] {
        let (model, inputs, publicInputs, known) = (model, inputs, publicInputs, known)
        return try await withLocalParties(2) { session -> SessionStatistics in
            let module = try await session.hold(try await session.announce(from: .party(1)) { model })
            var tensors: [String: CrypTensor] = [:]
            for input in model.inputs {
                guard let tensor = inputs[input.name], !known.contains(input.name) else { continue }
                tensors[input.name] =
                    publicInputs.contains(input.name)
                    ? try await session.publicInput(from: .party(0)) { tensor }.expression
                    : try await session.input(from: .party(0)) { tensor }
            }
            let outputs = try module(tensors, publicValues: inputs.filter { known.contains($0.key) })
            let before = try await session.statistics
            _ = try await session.reveal(model.outputs.compactMap { outputs[$0.name] }, to: .party(0))
            var after = try await session.statistics
            after.dealerBytes -= before.dealerBytes
            return after
        }
    }

    func check(_ name: String) async throws {
        let (cost, seconds) = try predicted()
        #expect(seconds >= 0 && seconds.isFinite, "\(name)")
        let run = try await statistics()
        #expect(run.allSatisfy { $0.rounds == cost.rounds }, "\(name)")
        #expect(run.map(\.onlineBytes) == cost.onlineBytes, "\(name)")
        #expect(run.map(\.dealerBytes).max() == cost.dealerBytes, "\(name)")
    }
}

@Suite("Predictions of models")
struct ModelPredictionTests {
    @Test("every operator's model is predicted, and its run has as many rounds and bytes", arguments: OperatorCase.all)
    func operators(item: OperatorCase) async throws {
        let inputs = Dictionary(uniqueKeysWithValues: item.inputs.map { ($0.name, $0.tensor) })
        try await PredictedModel(
            model: ONNXModel(bytes: item.model, name: item.name),
            inputs: inputs,
            publicInputs: Set(item.inputs.filter(\.public).map(\.name))
        ).check(item.name)
    }

    @Test("every network is predicted, and its run has as many rounds and bytes", arguments: ReferenceModel.committed)
    func networks(reference: ReferenceModel) async throws {
        try await check(reference, in: ReferenceModel.fixtures)
    }

    @Test(
        "every larger network is, with public words, too",
        .enabled(if: ReferenceModel.larger != nil, "CRYPTEN_MODELS names no folder of larger models"),
        arguments: ReferenceModel.uncommitted
    )
    func larger(reference: ReferenceModel) async throws {
        try await check(reference, in: try #require(ReferenceModel.larger))
    }

    private func check(_ reference: ReferenceModel, in root: URL) async throws {
        // Few rows show as much as many.
        let inputs = try reference.inputs(in: root).mapValues { $0.rows(Array(0..<min(2, $0.shape[0]))) }
        try await PredictedModel(
            model: try reference.model(in: root),
            inputs: inputs,
            publicInputs: reference.isPublic ? [reference.input.name] : []
        ).check(reference.name)
    }
}
