import CrypTen
import CrypTenONNX
import Foundation
import Synchronization
import Testing

@Suite("Models that a session loads")
struct LoadTests {
    private let url = URL(fileURLWithPath: Tool.fixture("mlp.onnx"))
    private let input = URL(fileURLWithPath: Tool.fixture("x_test.npy"))

    @Test("a second inference sends no weight", arguments: [2, 3])
    func secondInference(parties: Int) async throws {
        let (url, input) = (url, input)
        let results = try await withLocalParties(parties) { session in
            let model = try await session.load(onnx: url, from: .party(1))
            let afterLoading = try await session.statistics
            var online: [Int] = []
            var answers: [Tensor?] = []
            for _ in 0..<2 {
                let before = try await session.statistics.onlineBytes
                let x = try await session.input(from: .party(0), name: "x") { try Tensor(contentsOfNumpyFile: input) }
                answers.append(try await session.reveal(model(x), to: .party(0)))
                online.append(try await session.statistics.onlineBytes - before)
            }
            return (afterLoading, try await session.statistics, online, answers, model.parameters.names)
        }
        let weights = 8 * 650 * (parties - 1)
        for (party, (loaded, end, online, answers, names)) in results.enumerated() {
            #expect(loaded.onlineBytes == 0)
            #expect(end.setupBytes == loaded.setupBytes)
            // Headers of one frame to each other party.
            #expect(party == 1 ? (weights...(weights + 64 * parties)).contains(end.setupBytes) : end.setupBytes == 0)
            #expect(online[0] == online[1])
            #expect((answers[0] != nil) == (party == 0))
            #expect(names == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"])
        }
        let expected = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: Tool.fixture("mlp.logits.npy")))
        for answer in results[0].3 {
            let answer = try #require(answer)
            #expect(zip(answer.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 0.005 })
        }
    }

    @Test("what is wrong with its file is the owner's to know; the others learn whose it is")
    func brokenFile() async throws {
        let missing = URL(fileURLWithPath: "/nowhere/model.onnx")
        let messages = Mutex<[Int: String]>([:])
        await #expect(throws: CrypTenError.self) {
            try await withLocalParties(3) { session in
                do {
                    _ = try await session.load(onnx: missing, from: .party(1))
                } catch {
                    messages.withLock { $0[session.party.index] = "\(error)" }
                    throw error
                }
            }
        }
        let heard = messages.withLock { $0 }
        #expect(heard.count == 3)
        #expect(heard[1]?.contains("/nowhere/model.onnx: there is no such file") == true)
        for other in [0, 2] {
            // Whichever comes first: the refusal, or that its caller gives up after it.
            let sentence = "its model can't be used; its owner knows why (fileNotReadable)"
            #expect(["party 1 refused this call: \(sentence)", "party 1 gave up: \(sentence)"].contains(heard[other]))
        }
    }

    @Test("calling a model with what doesn't fit gives an expression that carries the error")
    func wrongShape() async throws {
        let url = url
        let errors = try await withLocalParties(2) { session in
            let model = try await session.load(onnx: url, from: .party(1))
            let x = try await session.input(from: .party(0), shape: [1, 3]) { Tensor([1.0, 2, 3], shape: [1, 3]) }
            return model(x).error
        }
        for error in errors {
            #expect(error?.code == .shapeMismatch)
            #expect(error?.message.contains("input 'x' takes shape [N, 30], not [1, 3]") == true)
        }
    }
}

@Suite("Parameter trees")
struct ParameterTreeTests {
    @Test("names keep their order, and dots make a tree")
    func order() {
        var tree = ParameterTree([("b.w", CrypTensor(1)), ("a", CrypTensor(2)), ("b.v", CrypTensor(3))])
        #expect(tree.names == ["b.w", "a", "b.v"])
        #expect(tree.subtree("b").names == ["w", "v"])
        tree["a"] = nil
        #expect(tree.names == ["b.w", "b.v"])
        #expect(tree["b.v"]?.kind == .integer)
        tree.merge(ParameterTree([("v", CrypTensor(0.5)), ("u", CrypTensor(0.5))]), below: "b")
        #expect(tree.names == ["b.w", "b.v", "b.u"])
        #expect(tree["b.v"]?.kind == .real)
        #expect(tree.elementCount == 3)
    }
}
