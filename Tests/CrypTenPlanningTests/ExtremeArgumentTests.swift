import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Extreme arguments: a plan or an error")
struct ExtremeArgumentTests {
    private typealias OfReal = (name: String, make: @Sendable (CrypTensor, Double) throws -> [CrypTensor])
    private typealias OfInteger = (name: String, make: @Sendable (CrypTensor, Int) throws -> [CrypTensor])

    /// Every function with a real parameter, each parameter by itself.
    private static let ofReals: [OfReal] = [
        ("clamp min", { [$0.clamp(min: $1)] }), ("clamp max", { [$0.clamp(max: $1)] }),
        ("clamp from 0", { [$0.clamp(min: 0, max: $1)] }), ("clamp around", { [$0.clamp(min: -$1, max: $1)] }),
        ("clamp nearby", { [$0.clamp(min: $1, max: $1.nextUp)] }), ("hardtanh", { [$0.hardtanh(min: -1, max: $1)] }),
        ("leakyRelu", { [$0.leakyRelu($1)] }), ("elu", { [$0.elu($1)] }), ("celu", { [$0.celu($1)] }),
        ("selu alpha", { [$0.selu(alpha: $1)] }), ("selu scale", { [$0.selu(scale: $1)] }),
        ("selu both", { [$0.selu(alpha: $1, scale: $1)] }), ("swish", { [$0.swish($1)] }),
        ("hardSigmoid slope", { [$0.hardSigmoid(slope: $1)] }), ("hardSigmoid shift", { [$0.hardSigmoid(shift: $1)] }),
        ("thresholdedRelu", { [$0.thresholdedRelu($1)] }), ("hardShrink", { [$0.hardShrink($1)] }),
        ("softShrink", { [$0.softShrink($1)] }), ("shrink bias", { [$0.shrink(0.5, bias: $1)] }),
        ("shrink", { [$0.shrink($1, bias: 1)] }), ("dropout", { [$0.dropout($1)] }), ("pow", { [$0.pow($1)] }),
        ("polynomial", { [$0.polynomial([$1, 1, $1])] }), ("polynomial constant", { [$0.polynomial([$1])] }),
        ("polynomial of high degree", { [$0.polynomial([1, 0, 0, 0, 0, 0, $1])] }),
        ("pad value", { [$0.pad(before: [1, 0], after: [0, 1], value: $1)] }), ("remainder", { [$0.remainder($1)] }),
        ("fmod", { [$0.fmod($1)] }), ("norm", { [$0.norm($1)] }), ("norm of an axis", { [$0.norm($1, axes: [1])] }),
        ("layerNorm", { [$0.layerNorm(epsilon: $1)] }), ("rmsNorm", { [$0.rmsNorm(epsilon: $1)] }),
        ("instanceNorm", { [$0.reshape([1, 2, 3]).instanceNorm(epsilon: $1)] }),
        ("groupNorm", { [$0.reshape([1, 2, 3]).groupNorm(groups: 2, epsilon: $1)] }),
        ("maskedFill", { [$0.maskedFill($0 .< 0, $1)] }),
        (
            "maskedFill of a public mask",
            { x, value in
                [x.maskedFill(CrypTensor(constant: Tensor(.bool([true, false, true]), shape: [3])), value)]
            }
        ),
        ("reciprocal from", { x, low in low > 0 && low < 1e300 ? [x.reciprocal(range: low...low * 2)] : [] }),
        (
            "reciprocal to",
            { x, high in high > 1e-300 ? [x.reciprocal(range: 0...high), x.reciprocal(range: 1e-9...max(high, 1))] : []
            }
        ),
        ("divided by a range", { x, high in high >= 1 ? [x.divided(by: x, range: 1...high)] : [] }),
        ("plus", { [$0 + $1, $1 + $0] }), ("minus", { [$0 - $1, $1 - $0] }), ("times", { [$0 * $1, $1 * $0] }),
        ("times twice", { [$0 * $1 * $1] }), ("product plus", { [$0 * $0 + $1, $0 * $0 * $1] }),
        ("over", { [$0 / $1] }),
        ("under", { [CrypTensor($1) / $0] }), ("less", { [$0 .< $1] }), ("not less", { [$0 .>= $1] }),
        ("greater", { [$0 .> $1] }), ("not greater", { [$0 .<= $1] }), ("equal", { [$0 .== $1] }),
        ("not equal", { [$0 .!= $1] }), ("product less", { [$0 * $0 .< $1] }),
        ("maximum", { [$0.maximum(CrypTensor($1))] }), ("minimum", { [$0.minimum(CrypTensor($1))] }),
        ("where", { [$0.where($0 .< 0, otherwise: CrypTensor($1))] }),
        ("prelu", { [$0.prelu(CrypTensor($1))] }),
        (
            "public functions",
            { x, value in
                let c = CrypTensor(value)
                return [
                    x * c.exp(), x * c.log(), x * c.sin(), x * c.cos(), x * c.tanh(), x * c.erf(), x * c.gelu(),
                    x * c.sigmoid(),
                    x * c.softplus(), x * c.sqrt(), x * c.reciprocal(), x * c.atan(), x * c.sinh(), x * c.asinh(),
                    x * c.floor(),
                    x * c.mish(), x * c.round(), x + c.exp() * c.exp() * c.exp(), x * (c * c) * (c * c),
                ]
            }
        ),
        (
            "public functions one by one",
            { x, value in [x * CrypTensor(value).floor(), x * CrypTensor(value).round()] }
        ),
        ("public powers", { x, value in [x * CrypTensor(3.0).pow(value), x * CrypTensor(value).pow(2)] }),
        ("public square", { [$0 * (CrypTensor($1) * CrypTensor($1))] }),
    ]

    /// Every function with a whole parameter, each parameter by itself.
    private static let ofIntegers: [OfInteger] = [
        ("pow", { [$0.pow($1)] }), ("bits", { x, n in x.kind == .integer ? [x.bits(n)] : [] }),
        ("shiftedLeft", { [$0.shiftedLeft($1)] }), ("shiftedRight", { [$0.shiftedRight($1)] }),
        ("pad before", { [$0.pad(before: [$1, 0], after: [0, 0])] }),
        ("pad after", { [$0.pad(before: [0, $1], after: [0, $1])] }),
        ("pad with a value", { [$0.pad(before: [$1, 0], after: [0, $1], value: 1)] }),
        ("tiled", { [$0.tiled([$1, 1])] }), ("tiled and more", { [$0.tiled([1, $1]) + 1] }),
        ("tiled twice", { [$0.tiled([$1, $1]).tiled([$1, 1, 1])] }), ("repeated", { [$0.repeated($1, axis: 1)] }),
        ("repeated along", { [$0.repeated(2, axis: $1)] }), ("cumsum", { [$0.cumsum(axis: $1)] }),
        ("cumprod", { [$0.cumprod(axis: $1)] }), ("prod", { [$0.prod(axis: $1)] }),
        ("softmax", { [$0.softmax(axis: $1)] }),
        ("logSumExp", { [$0.logSumExp(axis: $1)] }), ("sum", { [$0.sum(axis: $1)] }),
        ("mean", { [$0.mean(axes: [0, $1])] }),
        ("max", { [$0.max(axis: $1)] }), ("argmin", { [$0.argmin(axis: $1)] }), ("norm", { [$0.norm(axes: [$1])] }),
        ("variance", { [$0.variance(axes: [$1], unbiased: true)] }), ("layerNorm axes", { [$0.layerNorm(axes: $1)] }),
        ("groupNorm groups", { [$0.reshape([1, 2, 3]).groupNorm(groups: $1)] }),
        ("cosineSimilarity", { [$0.cosineSimilarity($0, axis: $1)] }),
        ("maxPool1d kernel", { [$0.reshape([1, 1, 6]).maxPool1d($1)] }),
        ("maxPool1d stride", { [$0.reshape([1, 1, 6]).maxPool1d(2, stride: $1)] }),
        ("maxPool1d padding", { [$0.reshape([1, 1, 6]).maxPool1d(2, padding: $1)] }),
        ("maxPool1d dilation", { [$0.reshape([1, 1, 6]).maxPool1d(2, dilation: $1)] }),
        ("avgPool1d", { [$0.reshape([1, 1, 6]).avgPool1d($1, padding: $1, ceilMode: true)] }),
        ("maxPool2d", { [$0.reshape([1, 1, 2, 3]).maxPool2d(IntOrPair($1))] }),
        ("maxPool2d padding", { [$0.reshape([1, 1, 2, 3]).maxPool2d(2, padding: Padding($1))] }),
        (
            "maxPool2d all",
            {
                [
                    $0.reshape([1, 1, 2, 3]).maxPool2d(
                        IntOrPair($1),
                        stride: IntOrPair($1),
                        padding: Padding($1),
                        dilation: IntOrPair($1),
                        ceilMode: true
                    )
                ]
            }
        ),
        (
            "avgPool2d",
            { [$0.reshape([1, 1, 2, 3]).avgPool2d(2, stride: IntOrPair($1), padding: Padding($1), ceilMode: true)] }
        ),
        ("maxPool3d", { [$0.reshape([1, 1, 1, 2, 3]).maxPool3d(IntOrTriple($1))] }),
        ("maxPool3d padding", { [$0.reshape([1, 1, 1, 2, 3]).maxPool3d(2, padding: IntOrTriple($1))] }),
        (
            "avgPool3d",
            { [$0.reshape([1, 1, 1, 2, 3]).avgPool3d(1, stride: IntOrTriple($1), padding: IntOrTriple($1))] }
        ),
        ("adaptiveAvgPool", { [$0.reshape([1, 1, 6]).adaptiveAvgPool([$1])] }),
        ("adaptiveMaxPool", { [$0.reshape([1, 1, 6]).adaptiveMaxPool([$1])] }),
        ("conv1d stride", { [$0.reshape([1, 1, 6]).conv1d(ExtremeWalk.operand([1, 1, 2], number: 1), stride: $1)] }),
        (
            "conv1d padding",
            { [$0.reshape([1, 1, 6]).conv1d(ExtremeWalk.operand([1, 1, 2], number: 1), padding: $1)] }
        ),
        (
            "conv1d padding after",
            { [$0.reshape([1, 1, 6]).conv1d(ExtremeWalk.operand([1, 1, 2], number: 1), paddingAfter: $1)] }
        ),
        (
            "conv1d dilation",
            { [$0.reshape([1, 1, 6]).conv1d(ExtremeWalk.operand([1, 1, 2], number: 1), dilation: $1)] }
        ),
        ("conv1d groups", { [$0.reshape([1, 1, 6]).conv1d(ExtremeWalk.operand([1, 1, 2], number: 1), groups: $1)] }),
        (
            "conv2d",
            {
                [
                    $0.reshape([1, 1, 2, 3]).conv2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        stride: IntOrPair($1),
                        padding: Padding($1),
                        dilation: IntOrPair($1)
                    )
                ]
            }
        ),
        (
            "conv2d padding",
            { [$0.reshape([1, 1, 2, 3]).conv2d(ExtremeWalk.operand([1, 1, 2, 2], number: 1), padding: Padding($1))] }
        ),
        (
            "conv2d dilation",
            {
                [
                    $0.reshape([1, 1, 2, 3]).conv2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        dilation: IntOrPair($1)
                    )
                ]
            }
        ),
        (
            "conv3d",
            {
                [
                    $0.reshape([1, 1, 1, 2, 3]).conv3d(
                        ExtremeWalk.operand([1, 1, 1, 2, 2], number: 1),
                        stride: IntOrTriple($1),
                        padding: IntOrTriple($1)
                    )
                ]
            }
        ),
        (
            "conv3d dilation",
            {
                [
                    $0.reshape([1, 1, 1, 2, 3]).conv3d(
                        ExtremeWalk.operand([1, 1, 1, 2, 2], number: 1),
                        dilation: IntOrTriple($1)
                    )
                ]
            }
        ),
        (
            "conv3d padding",
            {
                [
                    $0.reshape([1, 1, 1, 2, 3]).conv3d(
                        ExtremeWalk.operand([1, 1, 1, 2, 2], number: 1),
                        padding: IntOrTriple($1),
                        groups: $1
                    )
                ]
            }
        ),
        (
            "convTransposed1d",
            { [$0.reshape([1, 1, 6]).convTransposed1d(ExtremeWalk.operand([1, 1, 2], number: 1), stride: $1)] }
        ),
        (
            "convTransposed1d padding",
            { [$0.reshape([1, 1, 6]).convTransposed1d(ExtremeWalk.operand([1, 1, 2], number: 1), padding: $1)] }
        ),
        (
            "convTransposed1d output",
            { [$0.reshape([1, 1, 6]).convTransposed1d(ExtremeWalk.operand([1, 1, 2], number: 1), outputPadding: $1)] }
        ),
        (
            "convTransposed2d",
            {
                [
                    $0.reshape([1, 1, 2, 3]).convTransposed2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        stride: IntOrPair($1),
                        padding: Padding($1),
                        outputPadding: IntOrPair($1),
                        dilation: IntOrPair($1)
                    )
                ]
            }
        ),
        (
            "convTransposed2d stride",
            {
                [
                    $0.reshape([1, 1, 2, 3]).convTransposed2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        stride: IntOrPair($1),
                        groups: 1
                    )
                ]
            }
        ),
        (
            "convTransposed2d dilation",
            {
                [
                    $0.reshape([1, 1, 2, 3]).convTransposed2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        dilation: IntOrPair($1)
                    )
                ]
            }
        ),
        (
            "convTransposed2d output",
            {
                [
                    $0.reshape([1, 1, 2, 3]).convTransposed2d(
                        ExtremeWalk.operand([1, 1, 2, 2], number: 1),
                        outputPadding: IntOrPair($1)
                    )
                ]
            }
        ),
        (
            "convTransposed3d",
            {
                [
                    $0.reshape([1, 1, 1, 2, 3]).convTransposed3d(
                        ExtremeWalk.operand([1, 1, 1, 2, 2], number: 1),
                        stride: IntOrTriple($1)
                    )
                ]
            }
        ),
        (
            "convTransposed3d padding",
            {
                [
                    $0.reshape([1, 1, 1, 2, 3]).convTransposed3d(
                        ExtremeWalk.operand([1, 1, 1, 2, 2], number: 1),
                        padding: IntOrTriple($1),
                        outputPadding: IntOrTriple($1)
                    )
                ]
            }
        ),
        (
            "inverse",
            { x, n in
                n < 1000 || n > 1 << 20
                    ? [x.reshape([3, 2]).narrow(axis: 0, start: 0, length: 2).inverse(iterations: n)] : []
            }
        ),
        (
            "takeAlong",
            {
                [
                    $0.takeAlong(Tensor([$1], shape: [1, 1]), axis: 0),
                    $0.takeAlong(Tensor([0], shape: [1, 1]), axis: $1),
                ]
            }
        ),
        ("scatter", { [$0.scatter(Tensor([$1], shape: [1, 1]), $0, axis: 0)] }),
        ("scatterAdd along", { [$0.scatterAdd(Tensor([0], shape: [1, 1]), $0, axis: $1)] }),
        (
            "indexAdd",
            { [$0.indexAdd([$1], $0.narrow(axis: 0, start: 0, length: 1)), $0.indexAdd([0, 1], $0, axis: $1)] }
        ),
        ("oneHot", { [ExtremeWalk.operand([2], .integer, number: 2).oneHot($1)] }),
        ("reshape", { [$0.reshape([$1, 3])] }), ("reshape to two", { [$0.reshape([$1, $1])] }),
        ("flatten", { [$0.flatten(start: $1), $0.flatten(end: $1)] }), ("permuted", { [$0.permuted([0, $1])] }),
        ("transposed", { [$0.transposed(0, $1)] }), ("squeeze", { [$0.squeeze(axis: $1)] }),
        ("expandDimensions", { [$0.expandDimensions(axis: $1)] }), ("unsqueeze", { [$0.unsqueeze($1)] }),
        ("position", { [$0[$1]] }), ("range from", { [$0[TensorIndex.range(start: $1)]] }),
        ("range to", { [$0[TensorIndex.range(end: $1)]] }), ("range by", { [$0[TensorIndex.range(step: $1)]] }),
        ("range", { [$0[TensorIndex.range(start: $1, end: -$1.clamped, step: $1)]] }),
        ("slice", { [$0.slice(starts: [$1], ends: [.max], steps: [$1])] }),
        ("slice along", { [$0.slice(starts: [0], ends: [$1], axes: [$1])] }),
        ("narrow", { [$0.narrow(axis: $1, start: 0, length: 1)] }),
        ("narrow start", { [$0.narrow(axis: 0, start: $1, length: 1)] }),
        ("narrow length", { [$0.narrow(axis: 0, start: 1, length: $1)] }), ("split", { $0.split([$1, 1], axis: 1) }),
        ("split twice", { $0.split([$1, $1]) }),
        ("split parts", { $0.split(parts: $1) }), ("split along", { $0.split(parts: 1, axis: $1) }),
        ("take", { [$0.take([$1])] }), ("take along", { [$0.take([0], axis: $1)] }),
        ("gather", { [$0.gather(Tensor([$1], shape: [1])), $0.gather(Tensor([0], shape: [1]), axis: $1)] }),
        ("flip", { [$0.flip(axes: [$1])] }), ("roll", { [$0.roll($1, axis: 1)] }),
        ("roll along", { [$0.roll(1, axis: $1)] }),
        ("sort", { [$0.sort(axis: $1)] }), ("topK", { [$0.topK($1).values] }),
        ("topK along", { [$0.topK(1, axis: $1).indices] }), ("median", { [$0.median(axis: $1)] }),
        ("tril", { [$0.tril($1)] }), ("triu", { [$0.triu($1)] }), ("diagonal", { [$0.diagonal(offset: $1)] }),
        ("diagonal of axes", { [$0.diagonal(axis1: $1, axis2: 0)] }), ("plus", { [$0 + $1] }), ("minus", { [$1 - $0] }),
        ("times", { [$0 * $1] }), ("times twice", { [$0 * $1 * $1] }), ("over", { [$0 / $1] }),
        ("less", { [$0 .< $1] }),
        ("not greater", { [$0 .<= $1] }), ("equal", { [$0 .== $1] }),
        ("remainder", { [$0.remainder(Double($1)), $0.fmod(Double($1))] }),
        ("maximum", { [$0.maximum(CrypTensor($1))] }),
        ("clamp", { [$0.clamp(min: Double($1))] }),
    ]

    @Test("of functions with real parameters", arguments: [ElementKind.real, .integer])
    func reals(kind: ElementKind) {
        var walk = ExtremeWalk()
        let x = ExtremeWalk.operand([2, 3], kind)
        for function in Self.ofReals {
            for value in ExtremeNumbers.reals {
                // Results one by one, for of several the first ill-formed one is the error of all.
                walk.visit("\(function.name) of \(value)") { try function.make(x, value) }
            }
        }
        print("\(walk.expressions) expressions of \(kind) and extreme reals, \(walk.plans) plans")
        #expect(walk.expressions == Self.ofReals.count * ExtremeNumbers.reals.count)
        #expect(walk.plans > walk.expressions / 2)
    }

    @Test("of functions with whole parameters", arguments: [ElementKind.real, .integer])
    func integers(kind: ElementKind) {
        var walk = ExtremeWalk(fractionBits: [16])
        let x = ExtremeWalk.operand([2, 3], kind)
        for function in Self.ofIntegers {
            for value in ExtremeNumbers.integers {
                walk.visit("\(function.name) of \(value)") { try function.make(x, value) }
            }
        }
        print("\(walk.expressions) expressions of \(kind) and extreme integers, \(walk.plans) plans")
        #expect(walk.expressions == Self.ofIntegers.count * ExtremeNumbers.integers.count)
        #expect(walk.plans > walk.expressions / 8)
    }

    /// Functions whose constants, positions or matrices go by the extents.
    private static let ofShapes: [(name: String, make: @Sendable (CrypTensor) throws -> [CrypTensor])] = [
        ("plus", { [$0 + 1.5] }), ("times", { [$0 * 1.5] }),
        ("times rows", { [$0 * CrypTensor(constant: Tensor([1.0], shape: [1, 1]))] }),
        ("relu", { [$0.relu()] }), ("exp", { [$0.exp()] }), ("softmax", { [$0.softmax(axis: 1)] }),
        ("logSoftmax", { [$0.logSoftmax(axis: 0)] }), ("reciprocal", { [$0.reciprocal()] }),
        ("sigmoid", { [$0.sigmoid()] }),
        ("max", { [$0.max(axis: 1)] }), ("argmax", { [$0.argmax(axis: 0)] }), ("cumsum", { [$0.cumsum(axis: 1)] }),
        ("cumprod", { [$0.cumprod(axis: 1)] }), ("prod", { [$0.prod(axis: 0)] }), ("sort", { [$0.sort(axis: 1)] }),
        ("argsort", { [$0.argsort(axis: 0)] }), ("topK", { [$0.topK(2, axis: 1).values] }),
        ("median", { [$0.median(axis: 1)] }),
        ("tril", { [$0.tril()] }), ("triu", { [$0.triu()] }), ("diagonal", { [$0.diagonal()] }),
        ("flip", { [$0.flip(axes: [0, 1])] }),
        ("roll", { [$0.roll(1, axis: 1)] }), ("layerNorm", { [$0.layerNorm()] }), ("norm", { [$0.norm()] }),
        ("matmul", { [$0.matmul($0.transposed(0, 1))] }),
        ("pad", { [$0.pad(before: [1, 1], after: [1, 1], value: 2)] }),
        ("maskedFill", { [$0.maskedFill($0 .< 0, -1e9)] }), ("clamp", { [$0.clamp(min: 1, max: 1)] }),
        ("dropout", { [$0.dropout()] }),
        ("variance", { [$0.variance(axes: [0], unbiased: true)] }), ("oneHot", { [$0.round().toInteger().oneHot(4)] }),
        ("inverse", { [$0.inverse(iterations: 2)] }), ("det", { [$0.sum(), $0.mean()] }),
        ("avgPool", { [$0.expandDimensions(axis: 0).avgPool1d(2)] }),
        ("maxPool", { [$0.expandDimensions(axis: 0).maxPool1d(2)] }),
        ("adaptiveAvgPool", { [$0.expandDimensions(axis: 0).adaptiveAvgPool([3])] }),
        ("slice", { [$0.slice(starts: [0, 0], ends: [.max, .max], steps: [2, 2])] }), ("floor", { [$0.floor()] }),
        ("split", { $0.split(parts: 2, axis: 1) }), ("split into many", { x in x.split(parts: x.shape[0], axis: 0) }),
        ("crossEntropy", { [$0.logSumExp(axis: 1)] }), ("trace", { [$0.trace()] }),
        ("linear", { [$0.linear($0), $0.expandDimensions(axis: 0).linear($0)] }),
        ("outer", { [$0.flatten().outer($0.flatten()), $0.flatten().dot($0.flatten())] }),
        (
            "attention",
            {
                [
                    scaledDotProductAttention($0, $0, $0),
                    scaledDotProductAttention($0, $0, $0, isCausal: true),
                ]
            }
        ),
        (
            "indexAdd",
            {
                let one = $0.slice(starts: [0, 0], ends: [1, .max])
                return [
                    $0.indexAdd([0], one), $0.scatter(Tensor([0], shape: [1, 1]), one, axis: 0),
                    $0.scatterAdd(Tensor([0], shape: [1, 1]), one, axis: 0),
                ]
            }
        ),
        ("wide adaptiveAvgPool", { [$0.expandDimensions(axis: 0).adaptiveAvgPool([1 << 18])] }),
        ("wide adaptiveMaxPool", { [$0.expandDimensions(axis: 0).adaptiveMaxPool([1 << 18])] }),
        (
            "wide avgPool2d",
            {
                [
                    $0.expandDimensions(axes: [0, 1]).avgPool2d(1, stride: 1),
                    $0.expandDimensions(axes: [0, 1]).avgPool2d(2, padding: 1, countIncludePad: false),
                ]
            }
        ),
        (
            "recurrent",
            { x in
                let input = ExtremeWalk.operand([4, min(x.shape[1], 1 << 38)], number: 1)
                let small = RecurrentWeights(input: input, hidden: ExtremeWalk.operand([4, 1], number: 2))
                let vast = RecurrentWeights(input: x, hidden: x)
                let sequence = x.expandDimensions(axis: 1)
                return [sequence.lstm(small).output, sequence.rnn(vast), sequence.gru(vast), sequence.lstm(vast).cell]
            }
        ),
        (
            "conv2d",
            {
                let image = $0.expandDimensions(axes: [0, 1])
                return [
                    image.conv2d(image), image.convTransposed2d(image), image.conv2d(image, padding: Padding(1 << 20)),
                ]
            }
        ),
        ("tiled", { [$0.tiled([2, 2]), $0.repeated(2, axis: 0), $0.expandDimensions(axis: 1).tiled([1, 3, 1])] }),
    ]

    @Test("of as many axes as there can be")
    func axes() {
        var walk = ExtremeWalk(fractionBits: [16])
        for kind in [ElementKind.real, .integer] {
            let x = ExtremeWalk.operand(Shape([Int](repeating: 1, count: Shape.largestRank)), kind)
            walk.visit("a new axis") { [x.expandDimensions(axis: 0), x.unsqueeze(-1)] }
            walk.visit("bits") { x.kind == .integer ? [x.bits(3), x.shiftedRight(2), x.oneHot(3)] : [] }
            walk.visit("tiled") { [x.tiled([Int](repeating: 1, count: Shape.largestRank))] }
            walk.visit("repeated") { [x.repeated(2, axis: 0)] }
            walk.visit("stacked") { [stack([x, x], axis: 0), concatenate([x, x], axis: 63)] }
            walk.visit("products") { [x.matmul(x), x * x, x.softmax(axis: 63), x.sort(axis: 0), x.flatten()] }
        }
        print("\(walk.expressions) expressions of 64 axes, \(walk.plans) plans")
        #expect(walk.expressions == 12)
    }

    @Test("of shapes that no memory holds")
    func shapes() {
        var walk = ExtremeWalk(fractionBits: [16])
        let extents = [
            [1 << 40, 1], [1, 1 << 40], [1 << 20, 1 << 20], [1 << 39, 2], [1 << 32, 0], [0, 1 << 40], [1 << 31, 1],
            [1, 1 << 31],
        ]
        for function in Self.ofShapes {
            for shape in extents {
                for kind in [ElementKind.real, .integer] {
                    let x = ExtremeWalk.operand(Shape(shape), kind)
                    walk.visit("\(function.name) of \(shape)") { try function.make(x) }
                }
            }
        }
        print("\(walk.expressions) expressions of vast shapes, \(walk.plans) plans")
        #expect(walk.expressions == Self.ofShapes.count * extents.count * 2)
    }
}

extension Int {
    /// One that has an opposite.
    fileprivate var clamped: Int { self == .min ? .max : self }
}
