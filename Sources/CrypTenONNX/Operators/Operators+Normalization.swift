internal import CrypTen
internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// What training leaves behind: normalisation by fixed numbers, and layers that do nothing at inference.
    static let normalization: [String: OperatorEntry] = [
        "BatchNormalization": OperatorEntry([6, 7, 9, 14, 15]) { operation in
            if operation.isOfTrainedModel { return [try normalizedByLayer(operation)] }
            let (scale, shift) = try batchNormalizationFactors(operation)
            return try scaledAndShifted(
                Operation(node: operation.node, inputs: [try operation.input(0), scale, shift])
            )
        },
        "Dropout": OperatorEntry([6, 7, 10, 12, 13, 22], known: [1, 2]) { operation in
            let input = try operation.input(0)
            guard try operation.version >= 7 || operation.flag("is_test", default: false) else {
                throw operation.unsupported("it is in training mode; inference is computed here")
            }
            if operation.version >= 12, let training = try operation.knownScalar(2), training != 0 {
                let ratio = try operation.knownScalar(1) ?? 0.5
                if operation.isTraining, !operation.isRead(output: 1) {
                    return [Value(input.type, Dropout(ratio)(try input.expression()))]
                }
                guard ratio == 0 || operation.isOfTrainedModel else {
                    throw operation.unsupported("it is in training mode; inference is computed here")
                }
            }
            guard operation.isRead(output: 1) else { return [input] }
            guard operation.version >= 10 else { throw operation.unsupported("its mask isn't computed here") }
            try ImportBudget.spend(input.shape.count, for: "a mask of shape \(input.shape)")
            let mask = Tensor(.bool([Bool](repeating: true, count: input.shape.count)), shape: input.shape)
            return [input, Value(.bool, known: mask)]
        },
    ]

    /// `scale · x + shift` for each channel, from inputs in this order.
    static func scaledAndShifted(_ operation: Operation) throws -> [Value] {
        let (input, scale, shift) = (try operation.real(0), try operation.real(1), try operation.real(2))
        guard input.shape.rank >= 2, scale.shape == [input.shape[1]], shift.shape == scale.shape else {
            throw operation.mismatch("input \(input.shape) doesn't have \(scale.shape) channels in its second axis")
        }
        let channels = Shape([input.shape[1]] + [Int](repeating: 1, count: input.shape.rank - 2))
        let scaled = try Value.combined(input, try scale.reshaped(channels), .multiply)
        return [try Value.combined(scaled, try shift.reshaped(channels), .add)]
    }

    /// Batch normalisation whose weights are trained: where the file says so, and in training, by the batch's own statistics, which leaves
    /// new running ones with whoever records the state of modules.
    private static func normalizedByLayer(_ operation: Operation) throws -> Value {
        let input = try operation.real(0)
        let state = try (1...4).map { try operation.real($0).expression() }
        guard let channels = state[0].shape.dimensions.first, input.shape.rank >= 2 else {
            throw operation.mismatch("input \(input.shape) has no channels")
        }
        let names = ["weight", "bias", "running_mean", "running_var"]
        let tree = ParameterTree(zip(names, state).map { ($0, $1) })
        let epsilon = try operation.float("epsilon", default: 1e-5)
        let kept = try operation.float("momentum", default: 0.9)
        guard (0...1).contains(kept), epsilon >= 0, epsilon.isFinite else {
            throw operation.malformed(
                "momentum \(kept) and epsilon \(epsilon): momentum lies in 0 to 1, and epsilon isn't negative"
            )
        }
        let usesBatch = try operation.isTraining && operation.flag("training_mode", default: false)
        func normalized<Axes: SpatialAxes>(_ axes: Axes.Type) throws -> Value {
            var layer = BatchNorm<Axes>(channels, epsilon: epsilon, momentum: 1 - kept)
            (layer.parameters, layer.buffers) = (tree, tree)
            return Value(input.type, layer.training(usesBatch)(try input.expression()))
        }
        switch input.shape.rank {
        case 2, 3: return try normalized(OneAxis.self)
        case 4: return try normalized(TwoAxes.self)
        case 5: return try normalized(ThreeAxes.self)
        default: throw operation.unsupported("it normalises shape \(input.shape); 2 to 5 axes are normalised here")
        }
    }

    /// Batch normalisation as `scale · x + shift`, with `scale = γ / √(variance + ε)` and `shift = β − mean · scale`, from
    /// constants of the model.
    ///
    /// - Throws: `CrypTenError.Code.unsupportedOperator` in training mode, or where one of the four isn't a constant.
    static func batchNormalizationFactors(_ operation: Operation) throws -> (scale: Value, shift: Value) {
        guard try !operation.flag("training_mode", default: false),
            try operation.version >= 7 || operation.flag("is_test", default: false),
            (1..<5).allSatisfy({ !operation.isRead(output: $0) })
        else {
            throw operation.unsupported("it is in training mode; inference is computed here")
        }
        guard try operation.version >= 9 || operation.flag("spatial", default: true) else {
            throw operation.unsupported(
                "it normalises every element by itself (spatial = 0); channels are normalised here"
            )
        }
        let epsilon = try operation.float("epsilon", default: 1e-5)
        let factors = try (1...4).map { try operation.real($0) }
        guard factors.allSatisfy({ $0.shape.rank == 1 && $0.shape == factors[0].shape }) else {
            throw operation.malformed(
                "its scale, bias, mean and variance have shapes \(factors.map(\.shape)), which must be equal lists"
            )
        }
        let (gamma, beta, mean, variance) = (factors[0], factors[1], factors[2], factors[3])
        let deviation = try variance.mapped(
            reals: { ($0 + epsilon).squareRoot() },
            integers: { $0 },
            expression: { ($0 + epsilon).sqrt() }
        )
        let quotient = BinaryFunction(
            reals: { $0 / $1 },
            integers: { dividend, _ in dividend },
            expressions: { $0 / $1 }
        )
        let scale = try Value.combined(gamma, deviation, quotient)
        return (scale, try Value.combined(beta, try Value.combined(mean, scale, .multiply), .subtract))
    }
}
