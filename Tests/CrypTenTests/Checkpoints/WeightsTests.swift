import CrypTen
import Foundation
import Testing

@Suite("Weights from files, and into them")
struct WeightsTests {
    private static func network() -> Sequential {
        Sequential {
            Linear(3, 2)
            BatchNorm1d(2)
        }
    }

    private static func place(_ name: String) -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString)-\(name)")
    }

    /// The network's state, with numbers that 16 fraction bits hold.
    private static let weights: [(name: String, tensor: Tensor)] = [
        ("1.running_mean", Tensor(.float([0.25, -1]), shape: [2])),
        ("1.running_var", Tensor(.float([1, 4]), shape: [2])),
        ("1.num_batches_tracked", Tensor([12] as [Int64], shape: [])),
        ("0.weight", Tensor(.float([1.5, -2, 0.125, 3, 0, -0.5]), shape: [2, 3])),
        ("0.bias", Tensor(.float([8, -16]), shape: [2])),
        ("1.weight", Tensor(.float([1, 0.5]), shape: [2])), ("1.bias", Tensor(.float([0, 0.75]), shape: [2])),
    ]

    @Test(
        "what one party loads another writes, bit by bit, under PyTorch's names",
        arguments: ["w.safetensors", "w.npz"]
    )
    func roundTrip(name: String) async throws {
        let (source, target, double) = (Self.place(name), Self.place(name), Self.place(name))
        defer { for url in [source, target, double] { try? FileManager.default.removeItem(at: url) } }
        try WeightsFile.write(Self.weights, to: source)
        _ = try await withLocalParties(3) { session in
            var model = Self.network()
            try await session.loadWeights(into: &model, from: .party(1), file: source)
            #expect(try await session.statistics.onlineBytes == 0)
            try await session.saveWeights(of: model, to: .party(2), file: target)
            try await session.saveWeights(of: model, to: .party(0), file: double, isDouble: true)
        }
        let written = try WeightsFile.tensors(of: target)
        #expect(written.map(\.name) == Self.network().specifications.map(\.name))
        let known = Dictionary(uniqueKeysWithValues: Self.weights.map { ($0.name, $0.tensor) })
        for (name, tensor) in written { #expect(tensor == known[name]) }
        for (name, tensor) in try WeightsFile.tensors(of: double) {
            #expect(tensor.doubles == known[name]?.doubles)
            if case .float = tensor.elements { Issue.record("\(name) was asked for in 64 bits") }
        }
    }

    @Test(
        "a file that doesn't fit is its owner's error, and the others' that it can't be used; the session and the model live"
    )
    func refused() async throws {
        let url = Self.place("w.safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        var (missing, strange, shaped, fraction) = (Self.weights, Self.weights, Self.weights, Self.weights)
        missing.removeLast()
        strange.append(("2.weight", Tensor(1.0)))
        shaped[3].tensor = Tensor([1, 2], shape: [2, 1])
        fraction[2].tensor = Tensor(0.5)
        var nan = Self.weights
        nan[4].tensor = Tensor([.nan, 1], shape: [2])
        let cases: [(weights: [(name: String, tensor: Tensor)], code: CrypTenError.Code, what: String)] = [
            (missing, .invalidArgument, "'1.bias'"), (strange, .invalidArgument, "'2.weight', and the model hasn't"),
            (shaped, .shapeMismatch, "'0.weight' has shape [2, 1]"), (fraction, .invalidArgument, "whole numbers"),
            (nan, .outOfRange, "0.bias"),
        ]
        for (weights, code, what) in cases {
            try WeightsFile.write(weights, to: url)
            _ = try await withLocalParties(2) { session in
                var model = Self.network()
                try await session.initialize(&model, owner: .party(0), seed: 1)
                var changed = model
                let error: CrypTenError?
                do {
                    try await session.loadWeights(into: &changed, from: .party(1), file: url)
                    error = nil
                } catch let thrown as CrypTenError {
                    error = thrown
                }
                if session.party.index == 1 {
                    #expect(error?.code == code && error?.message.contains(what) == true, "\(error?.message ?? "")")
                } else {
                    #expect(error?.code == .partyFailed && error?.message.contains(what) == false)
                }
                #expect(changed.parameters["0.weight"]?.node === model.parameters["0.weight"]?.node)
                #expect(try await session.reveal(try #require(model.parameters["0.bias"]), to: .all) != nil)
            }
        }
    }

    @Test("a part of the weights may be loaded, and where they can't be written all hear of it")
    func partial() async throws {
        let url = Self.place("w.npz")
        defer { try? FileManager.default.removeItem(at: url) }
        try WeightsFile.write([Self.weights[4]], to: url)
        let told = try await withLocalParties(2) { session -> Tensor? in
            var model = Self.network()
            try await session.initialize(&model, owner: .party(0), seed: 1)
            let weight = model.parameters["0.weight"]
            try await session.loadWeights(into: &model, from: .party(0), file: url, isPartial: true)
            #expect(model.parameters["0.weight"]?.node === weight?.node)
            let nowhere = URL(fileURLWithPath: "/nowhere/w.npz")
            let error = await #expect(throws: CrypTenError.self) {
                try await session.saveWeights(of: model, to: .party(1), file: nowhere)
            }
            #expect(error?.code == (session.party.index == 1 ? .fileNotReadable : .partyFailed))
            let name = await #expect(throws: CrypTenError.self) {
                try await session.saveWeights(of: model, to: .party(1), file: URL(fileURLWithPath: "w.pt"))
            }
            #expect(name?.code == .invalidArgument)
            return try await session.reveal(try #require(model.parameters["0.bias"]), to: .all)
        }
        #expect(told.allSatisfy { $0?.doubles == [8, -16] })
    }
}
