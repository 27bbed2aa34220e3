import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// Models that are loaded to be trained: their parameters are the file's own weights.
@Suite("Models that are trained")
struct TrainedModelTests {
    /// Two layer normalisations that start alike, as exporters write them, between products.
    private static func twoNorms() throws -> Data {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 3])
        builder.constant("up.weight", [0.5, -1, 2, 0.25, 1, -0.5], [2, 3])
        builder.constant("n1.weight", [1, 1], [2])
        builder.constant("n1.bias", [0, 0], [2])
        builder.node("Identity", ["n1.weight"], ["n2.weight"], name: "copy0")
        builder.node("Identity", ["n1.bias"], ["n2.bias"], name: "copy1")
        builder.node("Transpose", ["up.weight"], ["turned"], name: "turn", ["perm": .ints([1, 0])])
        builder.node("MatMul", ["x", "turned"], ["a"], name: "up")
        builder.node("LayerNormalization", ["a", "n1.weight", "n1.bias"], ["b"], name: "n1", ["axis": .int(-1)])
        builder.node("LayerNormalization", ["b", "n2.weight", "n2.bias"], ["y"], name: "n2", ["axis": .int(-1)])
        builder.output("y", .float, ["N", 2])
        return try builder.bytes
    }

    @Test("weights keep their names and shapes, and those that only start alike are apart")
    func names() throws {
        let bytes = try Self.twoNorms()
        let trained = try ONNXModel(bytes: bytes, for: .training)
        let names = ["up.weight", "n1.weight", "n1.bias", "n2.weight", "n2.bias"]
        #expect(Set(trained.parameters.map(\.name)) == Set(names))
        #expect(trained.parameters.first { $0.name == "up.weight" }?.shape == [2, 3])
        #expect(trained.parameters.first { $0.name == "n2.weight" }?.value?.doubles == [1, 1])
        // For inference the owner turns the product's weight, and there is one weight of both.
        let inferred = try ONNXModel(bytes: bytes)
        #expect(inferred.parameters.count == 3)
        #expect(!inferred.parameters.map(\.name).contains("n2.weight"))
        // Who has the skeleton alone finds the same.
        let skeleton = try ONNXModel(skeleton: try trained.skeleton(), for: .training)
        #expect(skeleton.parameters.map(\.name) == trained.parameters.map(\.name))
        #expect(skeleton.parameters.allSatisfy { $0.value == nil })
    }

    @Test("a trained model is written with its own numbers, and read again as what it was")
    func written() throws {
        let model = try ONNXModel(bytes: try Self.twoNorms(), for: .training)
        var weights: [String: Tensor] = [:]
        for (index, parameter) in model.parameters.enumerated() {
            let numbers = (0..<parameter.shape.count).map { Double($0 + index) / 8 + 0.5 }
            weights[parameter.name] = Tensor(numbers, shape: parameter.shape)
        }
        let file = try model.file(weights: weights)
        let again = try ONNXModel(bytes: file, for: .training)
        for parameter in again.parameters {
            #expect(parameter.value?.doubles == weights[parameter.name]?.doubles, "\(parameter.name)")
        }
        let x = Tensor([1, 2, -1, 0.5, 0.25, 3], shape: [2, 3])
        let whole = try evaluate(again, ["x": x])["y"]!
        #expect(distance(whole, try evaluate(ONNXModel(bytes: file), ["x": x])["y"]!) < 1e-12)
        weights["n2.bias"] = nil
        let error = #expect(throws: CrypTenError.self) { try model.file(weights: weights) }
        #expect(error?.message == "there are no numbers of shape [2] for the weight 'n2.bias'")
        #expect(throws: CrypTenError.self) { try ONNXModel(bytes: file).file(weights: weights) }
    }

    @Test("one public number of a layer is no weight, before it is written and after")
    func publicNumbers() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        builder.constant("w", [1, 2, 3, 4], [2, 2])
        builder.node("Constant", [], ["half"], name: "half", ["value_float": .float(0.5)])
        builder.node("MatMul", ["x", "w"], ["a"], name: "product")
        builder.node("Mul", ["a", "half"], ["y"], name: "scale")
        builder.output("y", .float, ["N", 2])
        let model = try ONNXModel(bytes: try builder.bytes, for: .training)
        #expect(model.parameters.map(\.name) == ["w"])
        let weights = ["w": Tensor([0.5, 1, 1.5, 2], shape: [2, 2])]
        // Who has the skeleton alone may write the file, too.
        for writer in [model, try ONNXModel(skeleton: try model.skeleton(), for: .training)] {
            let bytes = try writer.file(weights: weights)
            for purpose in [ONNXModel.Purpose.training, .inference] {
                let again = try ONNXModel(bytes: bytes, for: purpose)
                #expect(again.parameters.map(\.name) == ["w"], "\(purpose)")
                let y = try evaluate(again, ["x": Tensor([1.0, 2], shape: [1, 2])])["y"]!
                #expect(y.doubles == [1.75, 2.5])
            }
        }
        let replaced = try model.replacing(weights: weights)
        #expect(replaced.parameters.map(\.name) == ["w"] && replaced.parameters[0].value == weights["w"])
        for (name, tensor, message) in [
            ("v", Tensor([0.0], shape: [1]), "'v' is no weight of the model, which has w"),
            ("w", Tensor([0.0], shape: [1]), "'w' has shape [1], and the model's [2, 2]"),
            ("w", Tensor([0, .nan, 0, 0], shape: [2, 2]), "'w' isn't finite at index 1"),
        ] {
            let error = #expect(throws: CrypTenError.self) { try model.replacing(weights: [name: tensor]) }
            #expect(error?.message == message)
        }
    }

    @Test("weights of 16-bit models are written rounded to the nearest, and what they don't hold is an error")
    func halves() throws {
        var builder = ModelBuilder()
        builder.input("x", .float16, ["N", 4])
        builder.constant("w", [1, 1, 1, 1], [4])
        builder.proto.graph.initializer[0].dataType = ONNXElementType.float16.standardNumber
        builder.proto.graph.initializer[0].floatData = []
        builder.proto.graph.initializer[0].int32Data = [0x3c00, 0x3c00, 0x3c00, 0x3c00]
        builder.node("Mul", ["x", "w"], ["y"], name: "scale")
        builder.output("y", .float16, ["N", 4])
        let model = try ONNXModel(bytes: try builder.bytes, for: .training)
        // A third of a unit and two thirds, half a unit to the even one, the largest, and one that is subnormal.
        let unit = 0x1p-10
        for (number, expected) in [
            (1 + unit / 3, 1), (1 + unit * 2 / 3, 1 + unit), (1 + unit / 2, 1), (1 + unit * 1.5, 1 + unit * 2),
            (-65519, -65504), (0x1.8p-24, 0x1p-23), (2 - unit / 4, 2), (0, 0),
        ] as [(Double, Double)] {
            let file = try model.file(weights: ["w": Tensor([number, 1, 1, 1], shape: [4])])
            #expect(try ONNXModel(bytes: file, for: .training).parameters[0].value?.doubles[0] == expected, "\(number)")
        }
        for number in [65520, -1e9, Double.infinity] {
            let error = #expect(throws: CrypTenError.self) {
                try model.file(weights: ["w": Tensor([1, number, 1, 1], shape: [4])])
            }
            #expect(error?.code == .outOfRange)
        }
    }

    /// Batch normalisation and dropout as a file has them that was exported in training.
    private static func normalised(trains: Bool) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2, 2])
        builder.constant("bn.weight", [1.5, 0.5], [2])
        builder.constant("bn.bias", [0.25, -1], [2])
        builder.constant("bn.running_mean", [0.5, -0.5], [2])
        builder.constant("bn.running_var", [2, 0.5], [2])
        builder.node(
            "BatchNormalization",
            ["x", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
            trains ? ["y", "mean", "variance"] : ["y"],
            name: "bn",
            ["epsilon": .float(1e-5), "momentum": .float(0.9), "training_mode": .int(trains ? 1 : 0)]
        )
        builder.output("y", .float, ["N", 2, 2])
        return try ONNXModel(bytes: try builder.bytes, for: .training)
    }

    @Test(
        "batch normalisation takes the batch's statistics in training, and keeps running ones as buffers",
        arguments: [true, false]
    )
    func batchNormalization(trains: Bool) async throws {
        let model = try Self.normalised(trains: trains)
        #expect(model.parameters.count == 4)
        let x = Tensor([1, 2, 0.5, -1, 3, 0, 1, 1.5, -1, 0, 2, 2.5], shape: [3, 2, 2])
        let told = try await withLocalParties(2) { session -> [Tensor]? in
            var tree = ParameterTree()
            for parameter in model.parameters {
                tree[parameter.name] = try await session.input(from: .party(1), shape: parameter.shape) {
                    parameter.value!
                }
            }
            let module = ONNXModule(model: model, parameters: tree)
            #expect(module.parameters.names == ["bn.weight", "bn.bias"])
            #expect(module.buffers.names == ["bn.running_mean", "bn.running_var"])
            // Of one tree of both each takes its own, as modules do.
            var assigned = module
            let both = ParameterTree(tree.map { ($0.name, $0.tensor * 2.0) })
            (assigned.parameters, assigned.buffers) = (both, both)
            #expect(assigned.parameters.names == module.parameters.names)
            #expect(assigned.buffers.names == module.buffers.names)
            #expect(assigned.parameters.allSatisfy { both[$0.name]?.node === $0.tensor.node })
            let input = try await session.input(from: .party(0)) { x }
            let (y, buffers) = withRecordedState(of: module) { module(input) }
            return try await session.reveal(
                [y, module.eval()(input)] + buffers.map(\.tensor),
                to: .all
            )
        }
        // Channel by channel, in double.
        let (weight, bias): ([Double], [Double]) = ([1.5, 0.5], [0.25, -1])
        let (oldMean, oldVariance): ([Double], [Double]) = ([0.5, -0.5], [2, 0.5])
        var (means, sums) = ([0.0, 0], [0.0, 0])
        for (index, value) in x.doubles.enumerated() { means[index / 2 % 2] += value / 6 }
        for (index, value) in x.doubles.enumerated() {
            let distance = value - means[index / 2 % 2]
            sums[index / 2 % 2] += distance * distance
        }
        func normal(_ usesBatch: Bool) -> [Double] {
            x.doubles.enumerated().map { index, value in
                let channel = index / 2 % 2
                let (mean, variance) =
                    usesBatch ? (means[channel], sums[channel] / 6) : (oldMean[channel], oldVariance[channel])
                return (value - mean) / (variance + 1e-5).squareRoot() * weight[channel] + bias[channel]
            }
        }
        var running = [oldMean, oldVariance]
        for channel in 0..<2 where trains {
            running[0][channel] = oldMean[channel] * 0.9 + means[channel] * 0.1
            running[1][channel] = oldVariance[channel] * 0.9 + sums[channel] / 5 * 0.1
        }
        for tensors in told {
            let tensors = try #require(tensors)
            for (tensor, wanted) in zip(tensors, [normal(trains), normal(false)] + running) {
                #expect(zip(tensor.doubles, wanted).allSatisfy { abs($0 - $1) <= 2e-3 }, "\(tensor.doubles) \(wanted)")
            }
        }
    }

    @Test("dropout of a file that was exported in training drops in training, and nothing in evaluation")
    func dropout() async throws {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 64])
        builder.constant("w", [Double](repeating: 1, count: 64), [64])
        builder.constant("ratio", [0.25], [])
        builder.node("Constant", [], ["mode"], name: "mode", ["value_int": .int(1)])
        builder.node("Cast", ["mode"], ["training"], name: "cast", ["to": .int(9)])
        builder.node("Mul", ["x", "w"], ["a"], name: "mul")
        builder.node("Dropout", ["a", "ratio", "training"], ["y"], name: "drop")
        builder.output("y", .float, ["N", 64])
        let model = try ONNXModel(bytes: try builder.bytes, for: .training)
        let told = try await withLocalParties(2) { session -> [Tensor]? in
            let w = try await session.input(from: .party(1), shape: [64]) { model.parameters[0].value! }
            let module = ONNXModule(model: model, parameters: ParameterTree([("w", w)]))
            let x = try await session.input(from: .party(0)) {
                Tensor([Double](repeating: 3, count: 640), shape: [10, 64])
            }
            return try await session.reveal([module(x), module.eval()(x)], to: .all)
        }
        let tensors = try #require(told[0])
        let kept = tensors[0].doubles.filter { abs($0 - 4) < 1e-3 }.count
        #expect(kept + tensors[0].doubles.filter { abs($0) < 1e-3 }.count == 640)
        #expect((420...540).contains(kept), "\(kept) of 640 are kept, and a quarter is to be dropped")
        #expect(tensors[1].doubles.allSatisfy { abs($0 - 3) < 1e-3 })
    }

    /// A table of words whose rows are averaged, or multiplied one by one.
    private static func words(counted: Bool) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.input("ids", .int64, ["N", 3])
        builder.constant("table.weight", (0..<10).map { Double($0) / 4 - 1 }, [5, 2])
        builder.node("Gather", ["table.weight", "ids"], ["rows"], name: "table")
        if counted {
            builder.node("ReduceMean", ["rows"], ["y"], name: "mean", ["axes": .ints([1]), "keepdims": .int(0)])
        } else {
            builder.node("Mul", ["rows", "rows"], ["y"], name: "square")
        }
        builder.output("y", .float, counted ? ["N", 2] : ["N", 3, 2])
        return try ONNXModel(bytes: try builder.bytes, for: .training)
    }

    @Test(
        "secret words are expanded by their owner, and counted where only their mean is read",
        arguments: [true, false]
    )
    func words(counted: Bool) throws {
        let model = try Self.words(counted: counted)
        #expect(model.words["ids"]?.count == 5 && model.words["ids"]?.isCounted == counted)
        #expect(model.inputs[0].type == .float && !model.inputs[0].mustBeKnown)
        let ids = Tensor([4, 0, 4, 1, 2, 3] as [Int], shape: [2, 3])
        let expanded = try model.words["ids"]!.expanded(ids, name: "ids.npy")
        #expect(expanded.shape == (counted ? [2, 5] : [2, 3, 5]))
        #expect(expanded.doubles.reduce(0, +) == 6)
        let y = try evaluate(model, ["ids": expanded])["y"]!
        var wanted: [Double] = []
        for words in [[4, 0, 4], [1, 2, 3]] {
            let rows = words.map { word in [Double(word * 2) / 4 - 1, Double(word * 2 + 1) / 4 - 1] }
            if counted {
                for place in 0..<2 { wanted.append((rows[0][place] + rows[1][place] + rows[2][place]) / 3) }
            } else {
                for row in rows { wanted += row.map { $0 * $0 } }
            }
        }
        #expect(zip(y.doubles, wanted).allSatisfy { abs($0 - $1) < 1e-6 }, "\(y.doubles) \(wanted)")
        let error = #expect(throws: CrypTenError.self) {
            try model.words["ids"]!.expanded(Tensor([0, 5, 1] as [Int], shape: [1, 3]), name: "ids.npy")
        }
        #expect(error?.message == "ids.npy: the word at index 1 is 5, and the model has words 0 to 4")
        // The file has the lookup that it had.
        let weights = ["table.weight": Tensor((0..<10).map { Double($0) }, shape: [5, 2])]
        let again = try ONNXModel(bytes: try model.file(weights: weights), for: .training)
        #expect(again.words == model.words)
        #expect(again.parameters[0].value?.doubles == weights["table.weight"]?.doubles)
        // For inference it is read as it was.
        #expect(try ONNXModel(bytes: try model.file(weights: weights)).inputs[0].type == .int64)
    }
}
