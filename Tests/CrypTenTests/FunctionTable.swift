import CrypTenExpressions
import CrypTenRing

/// Every function that has a gradient, by its name in Swift: how it is called with a case's arguments.
///
/// Where a case leaves out an argument whose usual value is a number of the function's definition, the call leaves it out, too.
enum FunctionTable {
    typealias Entry = @Sendable (Arguments) throws -> CrypTensor

    static let entries = [
        operators, functions, activations, reductions, products, structure, positions, pools, convolutions, networks,
        losses,
    ].reduce(into: [String: Entry]()) { all, some in
        all.merge(some) { _, _ in preconditionFailure("a function has two entries") }
    }

    // MARK: Arithmetic

    static let operators: [String: Entry] = [
        "+": { try $0.operands({ $0 + $1 }, { $0 + $1 }, { $0 + $1 }) },
        "-": { try $0.operands({ $0 - $1 }, { $0 - $1 }, { $0 - $1 }) },
        "*": { try $0.operands({ $0 * $1 }, { $0 * $1 }, { $0 * $1 }) },
        "/": { try $0.operands({ $0 / $1 }, { $0 / $1 }, { $0 / $1 }) },
        "prefix +": { try +$0.x },
        "prefix -": { try -$0.x },
        "divided": {
            try $0.x.divided(by: $0("by"), range: $0(ifGiven: "range"), isSigned: $0("isSigned", else: true))
        },
        "reciprocal": { try $0.x.reciprocal(range: $0(ifGiven: "range"), isSigned: $0("isSigned", else: false)) },
        "fmod": { try $0.has("divisor") ? $0.x.fmod($0("divisor")) : $0.x.fmod(dividingBy: $0("dividingBy")) },
        "remainder": {
            try $0.has("divisor") ? $0.x.remainder($0("divisor")) : $0.x.remainder(dividingBy: $0("dividingBy"))
        },
        "declaring": { try $0.x.declaring(range: $0("range")) },
        "maximum": { try $0.x.maximum($0("other")) },
        "minimum": { try $0.x.minimum($0("other")) },
        "where": { try $0.x.where($0("condition"), otherwise: $0("otherwise")) },
    ]

    // MARK: Element by element

    static let functions: [String: Entry] = [
        "abs": { try $0.x.abs() },
        "acos": { try $0.x.acos() },
        "acosh": { try $0.x.acosh() },
        "asin": { try $0.x.asin() },
        "asinh": { try $0.x.asinh() },
        "atan": { try $0.x.atan() },
        "atanh": { try $0.x.atanh() },
        "cos": { try $0.x.cos() },
        "cosh": { try $0.x.cosh() },
        "erf": { try $0.x.erf() },
        "exp": { try $0.x.exp() },
        "inverseSquareRoot": { try $0.x.inverseSquareRoot() },
        "log": { try $0.x.log() },
        "polynomial": { try $0.x.polynomial($0("coefficients")) },
        "pow": { arguments in
            let x = try arguments.x
            if arguments.isInput("exponent") { return try x.pow(arguments("exponent") as CrypTensor) }
            let exponent: Double = try arguments("exponent")
            guard let whole = Int(exactly: exponent), whole >= 0 else { return x.pow(exponent) }
            return x.pow(whole)
        },
        "sin": { try $0.x.sin() },
        "sinh": { try $0.x.sinh() },
        "sqrt": { try $0.x.sqrt() },
        "square": { try $0.x.square() },
        "tan": { try $0.x.tan() },
    ]

    static let activations: [String: Entry] = [
        "celu": { try $0.has("alpha") ? $0.x.celu($0("alpha")) : $0.x.celu() },
        "clamp": { try $0.x.clamp(min: $0(ifGiven: "min"), max: $0(ifGiven: "max")) },
        "dropout": { try $0.has("probability") ? $0.x.dropout($0("probability")) : $0.x.dropout() },
        "elu": { try $0.has("alpha") ? $0.x.elu($0("alpha")) : $0.x.elu() },
        "gelu": { try $0.x.gelu() },
        "geluTanh": { try $0.x.geluTanh() },
        "hardShrink": { try $0.has("threshold") ? $0.x.hardShrink($0("threshold")) : $0.x.hardShrink() },
        "hardSigmoid": {
            try $0.has("slope") ? $0.x.hardSigmoid(slope: $0("slope"), shift: $0("shift")) : $0.x.hardSigmoid()
        },
        "hardSwish": { try $0.x.hardSwish() },
        "hardtanh": { try $0.has("min") ? $0.x.hardtanh(min: $0("min"), max: $0("max")) : $0.x.hardtanh() },
        "leakyRelu": { try $0.has("slope") ? $0.x.leakyRelu($0("slope")) : $0.x.leakyRelu() },
        "logSigmoid": { try $0.x.logSigmoid() },
        "logSoftmax": { try $0.x.logSoftmax(axis: $0("axis")) },
        "logSumExp": { try $0.x.logSumExp(axis: $0("axis"), keepDimensions: $0("keepDimensions", else: false)) },
        "mish": { try $0.x.mish() },
        "prelu": { try $0.x.prelu($0("slope")) },
        "relu": { try $0.x.relu() },
        "relu6": { try $0.x.relu6() },
        "selu": { try $0.has("alpha") ? $0.x.selu(alpha: $0("alpha"), scale: $0("scale")) : $0.x.selu() },
        "shrink": { try $0.x.shrink($0("threshold"), bias: $0("bias")) },
        "sigmoid": { try $0.x.sigmoid() },
        "silu": { try $0.x.silu() },
        "softShrink": { try $0.has("threshold") ? $0.x.softShrink($0("threshold")) : $0.x.softShrink() },
        "softmax": { try $0.x.softmax(axis: $0("axis")) },
        "softplus": { try $0.x.softplus() },
        "softsign": { try $0.x.softsign() },
        "swish": { try $0.has("alpha") ? $0.x.swish($0("alpha")) : $0.x.swish() },
        "tanh": { try $0.x.tanh() },
        "thresholdedRelu": { try $0.has("threshold") ? $0.x.thresholdedRelu($0("threshold")) : $0.x.thresholdedRelu() },
    ]

    // MARK: Along axes

    static let reductions: [String: Entry] = [
        "cumprod": {
            try $0.x.cumprod(
                axis: $0("axis"),
                exclusive: $0("exclusive", else: false),
                reverse: $0("reverse", else: false)
            )
        },
        "cumsum": {
            try $0.x.cumsum(
                axis: $0("axis"),
                exclusive: $0("exclusive", else: false),
                reverse: $0("reverse", else: false)
            )
        },
        "max": { try $0.x.max(axes: $0(ifGiven: "axes"), keepDimensions: $0("keepDimensions", else: false)) },
        "mean": { try $0.x.mean(axes: $0(ifGiven: "axes"), keepDimensions: $0("keepDimensions", else: false)) },
        "median": { try $0.has("axis") ? $0.x.median(axis: $0("axis")) : $0.x.median() },
        "min": { try $0.x.min(axes: $0(ifGiven: "axes"), keepDimensions: $0("keepDimensions", else: false)) },
        "norm": {
            try $0.x.norm(
                $0("p", else: 2),
                axes: $0(ifGiven: "axes"),
                keepDimensions: $0("keepDimensions", else: false)
            )
        },
        "prod": { try $0.x.prod(axes: $0(ifGiven: "axes"), keepDimensions: $0("keepDimensions", else: false)) },
        "sort": { try $0.x.sort(axis: $0("axis", else: -1), descending: $0("descending", else: false)) },
        "std": {
            try $0.x.std(
                axes: $0(ifGiven: "axes"),
                unbiased: $0("unbiased", else: false),
                keepDimensions: $0("keepDimensions", else: false)
            )
        },
        "sum": { try $0.x.sum(axes: $0(ifGiven: "axes"), keepDimensions: $0("keepDimensions", else: false)) },
        "topK": {
            let top = try $0.x.topK($0("k"), axis: $0("axis", else: -1), largest: $0("largest", else: true))
            return try $0("result") == "values" ? top.values : top.indices
        },
        "variance": {
            try $0.x.variance(
                axes: $0(ifGiven: "axes"),
                unbiased: $0("unbiased", else: false),
                keepDimensions: $0("keepDimensions", else: false)
            )
        },
    ]

    static let products: [String: Entry] = [
        "bmm": { try $0.x.bmm($0("other")) },
        "cosineSimilarity": {
            try $0.has("axis")
                ? $0.x.cosineSimilarity($0("other"), axis: $0("axis")) : $0.x.cosineSimilarity($0("other"))
        },
        "determinant": { try $0.x.determinant() },
        "dot": { try $0.x.dot($0("other")) },
        "einsum": { try einsum($0("equation"), $0.list("operands")) },
        "inverse": { try $0.has("iterations") ? $0.x.inverse(iterations: $0("iterations")) : $0.x.inverse() },
        "linear": { try $0.x.linear($0("weight"), bias: $0(ifGiven: "bias")) },
        "matmul": { try $0.x.matmul($0("other")) },
        "outer": { try $0.x.outer($0("other")) },
        "trace": { try $0.x.trace() },
    ]

    // MARK: Structure

    static let structure: [String: Entry] = [
        "broadcast": { try $0.x.broadcast(to: $0("to")) },
        "concatenate": { try concatenate($0.list("tensors"), axis: $0("axis", else: 0)) },
        "diagonal": {
            try $0.x.diagonal(offset: $0("offset", else: 0), axis1: $0("axis1", else: -2), axis2: $0("axis2", else: -1))
        },
        "expandDimensions": { try $0.x.expandDimensions(axes: $0("axes")) },
        "flatten": { try $0.x.flatten(start: $0("start", else: 0), end: $0("end", else: -1)) },
        "flip": { try $0.x.flip(axes: $0("axes")) },
        "maskedFill": { try $0.x.maskedFill($0("mask"), $0("value")) },
        "pad": { try $0.x.pad(before: $0("before"), after: $0("after"), value: $0("value", else: 0)) },
        "permuted": { try $0.x.permuted($0("axes") as [Int]) },
        "repeated": { try $0.x.repeated($0("count"), axis: $0("axis")) },
        "reshape": { try $0.x.reshape($0("dimensions") as [Int]) },
        "roll": { try $0.x.roll($0("shift"), axis: $0("axis")) },
        "squeeze": { try $0.x.squeeze(axes: $0(ifGiven: "axes")) },
        "stack": { try stack($0.list("tensors"), axis: $0("axis", else: 0)) },
        "tiled": { try $0.x.tiled($0("repetitions")) },
        "transposed": { try $0.has("first") ? $0.x.transposed($0("first"), $0("second")) : $0.x.transposed() },
        "tril": { try $0.x.tril($0("diagonal", else: 0)) },
        "triu": { try $0.x.triu($0("diagonal", else: 0)) },
        "unsqueeze": { try $0.x.unsqueeze($0("axis")) },
    ]

    static let positions: [String: Entry] = [
        "embedding": {
            try $0.has("oneHot")
                ? embedding(oneHot: $0("oneHot"), weight: $0("weight"))
                : embedding($0("indices"), weight: $0("weight"))
        },
        "gather": { try $0.x.gather($0("indices") as Tensor, axis: $0("axis", else: 0)) },
        "indexAdd": { try $0.x.indexAdd($0("indices"), $0("source"), axis: $0("axis", else: 0)) },
        "indexed": { try $0.x.indexed($0("indices")) },
        "narrow": { try $0.x.narrow(axis: $0("axis"), start: $0("start"), length: $0("length")) },
        "scatter": {
            try $0.x.scatter(
                $0("indices"),
                $0("source"),
                axis: $0("axis"),
                reduction: $0("reduction", else: CrypTensor.ScatterReduction.none)
            )
        },
        "scatterAdd": { try $0.x.scatterAdd($0("indices"), $0("source"), axis: $0("axis")) },
        "slice": {
            try $0.x.slice(
                starts: $0("starts"),
                ends: $0("ends"),
                axes: $0(ifGiven: "axes"),
                steps: $0(ifGiven: "steps")
            )
        },
        "split": {
            let parts =
                try $0.has("parts")
                ? $0.x.split(parts: $0("parts"), axis: $0("axis", else: 0))
                : $0.x.split($0("extents"), axis: $0("axis", else: 0))
            return parts[try $0("result")]
        },
        "take": {
            let axis = try $0("axis", else: 0)
            if $0.has("oneHot") { return try $0.x.take(oneHot: $0("oneHot"), axis: axis) }
            return try $0.has("index")
                ? $0.x.take($0("index") as CrypTensor, axis: axis) : $0.x.take($0("indices") as [Int], axis: axis)
        },
        "takeAlong": { try $0.x.takeAlong($0("indices"), axis: $0("axis")) },
    ]
}
