import CrypTenExpressions
import CrypTenONNX
import CrypTenRing

extension ExtremeModel {
    /// Operators that no case of `operators.json` has, for each a model of one node.
    package static let singles: [ExtremeModel] = {
        let x: Tensor = numbers([2, 3])
        func model(
            _ operation: String,
            opset: Int = 21,
            _ inputs: [(String, Tensor)],
            _ type: ONNXElementType = .float,
            _ attributes: [String: ModelBuilder.Attribute] = [:]
        ) -> ExtremeModel {
            var builder = ModelBuilder(opset: opset)
            for (name, tensor) in inputs { builder.input(name, like: tensor) }
            builder.node(operation, inputs.map(\.0), ["y0"], attributes)
            builder.output("y0", type)
            return ExtremeModel(builder, named: operation, Dictionary(uniqueKeysWithValues: inputs))
        }
        func one(_ value: Double) -> Tensor { Tensor(value) }
        func whole(_ values: Int...) -> Tensor { Tensor(values, shape: [values.count]) }
        func scalar(_ value: Int) -> Tensor { Tensor([value], shape: []) }
        let pairs = ["Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean", "Pow", "Mod", "PRelu"].flatMap { name in
            [
                model(name, [("x", x), ("c", one(0.5))], .float, name == "Mod" ? ["fmod": .int(1)] : [:]),
                model(name, [("c", one(0.5)), ("x", x)], .float, name == "Mod" ? ["fmod": .int(1)] : [:]),
            ]
        }
        let relations = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].map {
            model($0, [("x", x), ("c", one(0.5))], .bool)
        }
        let steps = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let integers = ["Add", "Sub", "Mul", "Div", "Mod", "Min", "Max"].map {
            model($0, [("t", steps), ("c", scalar(3))], .int64)
        }
        return pairs + relations + integers + [
            model("Clip", opset: 7, [("x", x)], .float, ["min": .float(-1), "max": .float(1)]),
            model("Clip", [("x", x), ("low", one(-1)), ("high", one(1))]),
            model("Clip", [("t", steps), ("low", scalar(2)), ("high", scalar(4))], .int64),
            model("Range", [("start", one(0)), ("limit", one(3)), ("step", one(1))]),
            model("Range", [("start", scalar(0)), ("limit", scalar(3)), ("step", scalar(1))], .int64),
            model("ConstantOfShape", [("shape", whole(2, 3))]), model("Expand", [("x", x), ("shape", whole(2, 2, 3))]),
            model("Tile", [("x", x), ("repeats", whole(2, 1))]), model("Reshape", [("x", x), ("shape", whole(3, 2))]),
            model("Squeeze", [("x", numbers([1, 3])), ("axes", whole(0))]),
            model("Unsqueeze", [("x", x), ("axes", whole(1))]), model("Gather", [("x", x), ("indices", whole(1))]),
            model("Flatten", [("x", x)]), model("Concat", [("x", x), ("c", x)], .float, ["axis": .int(0)]),
            model("Transpose", [("x", x)], .float, ["perm": .ints([1, 0])]),
            model("HannWindow", [("size", scalar(5))]), model("HammingWindow", [("size", scalar(5))]),
            model("BlackmanWindow", [("size", scalar(5))], .float, ["periodic": .int(0)]),
            model(
                "MelWeightMatrix",
                [
                    ("bands", scalar(3)), ("length", scalar(16)), ("rate", scalar(8000)), ("low", one(0)),
                    ("high", one(4000)),
                ]
            ),
            model("SwiGLU", opset: 28, [("x", x), ("c", x)]), model("Swish", opset: 24, [("x", x)]),
            model("Dropout", [("x", x), ("ratio", one(0.5)), ("training", Tensor(.bool([true]), shape: []))]),
            model("Cast", [("x", x)], .int64, ["to": .int(7)]), model("Cast", [("t", steps)], .float, ["to": .int(1)]),
            model("Size", [("x", x)], .int64), model("Shape", [("x", x)], .int64),
            model("ArgMin", [("x", x)], .int64, ["axis": .int(1)]), model("Identity", [("x", x)]),
            model("Exp", [("c", x)]), model("Log", [("c", x)]), model("Sin", [("c", x)]), model("Tan", [("c", x)]),
            model("Softmax", [("c", x)]), model("Floor", [("c", x)]), model("Round", [("c", x)]),
            model("Sqrt", [("c", x)]),
            model(
                "Upsample",
                opset: 9,
                [("i", numbers([1, 1, 2, 2])), ("scales", Tensor([1.0, 1, 2, 2], shape: [4]))]
            ),
        ]
    }()
}
