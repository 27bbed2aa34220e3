/// Normalisation of each channel of `[N, C, …]`; state `weight [C]`, `bias [C]` and the buffers `running_mean [C]`, `running_var [C]` and
/// `num_batches_tracked []`; Ioffe and Szegedy 2015.
///
/// In training a channel's mean and variance are the batch's, and new running ones, secret as the batch, are recorded for
/// ``withRecordedState(of:_:)``: `running + momentum · (batch − running)`, of the variance by n / (n − 1). In evaluation, and frozen, they are
/// the running ones; without those, always the batch's.
///
/// In training as ``CrypTensor/layerNorm(axes:weight:bias:epsilon:file:line:)``, for squared distances that sum to at most 2³⁰ a channel with 16
/// fraction bits. In evaluation one root for each channel, and one product for each element, by a factor that is rounded to the session's
/// fraction bits.
public struct BatchNorm<Axes: SpatialAxes>: StatefulModule, Layer {
    /// The weight, the bias and the running statistics.
    public var state: ModuleState
    private let momentum: Double
    private let epsilon: Double
    private var isTraining = true
    private let isFrozen: Bool

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - features: The channels.
    ///   - epsilon: What is added to a variance.
    ///   - momentum: The newest batch's part in the running statistics.
    ///   - affine: Whether each channel has a weight and a bias.
    ///   - trackRunningStatistics: Whether there are running statistics.
    ///   - isFrozen: Whether the running statistics are used, and not changed, in training, too.
    public init(
        _ features: Int,
        epsilon: Double = 1e-5,
        momentum: Double = 0.1,
        affine: Bool = true,
        trackRunningStatistics: Bool = true,
        isFrozen: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.momentum, self.epsilon, self.isFrozen) = (momentum, epsilon, isFrozen)
        state = ModuleState(of: "BatchNorm\(Axes.count)d", file: file, line: line)
        state.require(
            features > 0 && epsilon >= 0 && epsilon.isFinite && (0...1).contains(momentum),
            "\(features) channels, epsilon \(epsilon) and momentum \(momentum); there are channels, epsilon is finite and not negative, and "
                + "momentum lies in [0, 1]"
        )
        if affine {
            state.declare("weight", [features], .ones)
            state.declare("bias", [features], .zeros)
        }
        if trackRunningStatistics {
            state.declare("running_mean", [features], .zeros, role: .buffer)
            state.declare("running_var", [features], .ones, role: .buffer)
            state.declare("num_batches_tracked", [], .zeros, kind: .integer, role: .buffer)
        }
    }

    /// The layer in training, or in evaluation; frozen, it is always in evaluation.
    public func training(_ isOn: Bool) -> BatchNorm {
        var out = self
        out.isTraining = isOn
        return out
    }

    /// The normalised channels.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let running = (mean: state["running_mean"], variance: state["running_var"])
        let usesBatch = isTraining && !isFrozen || running.mean == nil
        let affine = [state["weight"], state["bias"]]
        let statistics = usesBatch ? [] : [running.mean, running.variance]
        return CrypTensor.composing(
            [x] + (affine + statistics).compactMap(\.self),
            file: state.place.file,
            line: state.place.line
        ) { origin in
            let isFlat = Axes.count == 1 && x.rank == 2
            guard x.rank == Axes.count + 2 || isFlat else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(state.layer) can't take shape \(x.shape): it takes [N, C] and \(Axes.count) axes more"
                )
            }
            if let features = (affine + statistics).lazy.compactMap(\.self).first?.shape, features != [x.shape[1]] {
                throw CrypTenError(.shapeMismatch, "\(state.layer) of \(features) channels can't take shape \(x.shape)")
            }
            if !usesBatch, let mean = running.mean, let variance = running.variance {
                return normalizedByRunning(x, mean, variance)
            }
            return try normalized(x, at: origin)
        }
    }

    /// Distances from the batch's means over its deviations; records new running statistics.
    private func normalized(_ x: CrypTensor, at origin: SourceOrigin) throws -> CrypTensor {
        let (file, line) = (state.place.file, state.place.line)
        let axes = [0] + Array(2..<x.rank)
        let count = axes.reduce(1) { $0 * x.shape[$1] }
        guard count > 1 else {
            throw CrypTenError(
                .shapeMismatch,
                "\(state.layer) in training takes more than one value a channel, and shape \(x.shape) has \(count)"
            )
        }
        let mean = x.mean(axes: axes, keepDimensions: true, file: file, line: line)
        let distances = x - mean
        let (normal, sum) = distances.overRootMeanSquare(along: axes, epsilon: epsilon, at: origin)
        if isTraining { record(mean, sum, count) }
        let scaled = channels(state["weight"], of: x).map { normal * $0 } ?? normal
        return channels(state["bias"], of: x).map { scaled + $0 } ?? scaled
    }

    private func record(_ mean: CrypTensor, _ sumOfSquares: CrypTensor, _ count: Int) {
        guard let recorder = ModuleStateRecorder.current, !isFrozen, let oldMean = state["running_mean"],
            let oldVariance = state["running_var"]
        else { return }
        func update(_ old: CrypTensor, _ new: CrypTensor) {
            let running = recorder.newest(of: old)
            recorder.record(running + (new.reshape(old.shape) - running) * momentum, for: old)
        }
        update(oldMean, mean)
        update(oldVariance, sumOfSquares * (1 / Double(count - 1)))
        // Exported networks don't count batches.
        guard let batches = state["num_batches_tracked"], batches.error == nil else { return }
        recorder.record(recorder.newest(of: batches) + 1, for: batches)
    }

    /// `x · s + (bias − mean · s)` with `s = weight / √(variance + epsilon)`: one product for each element.
    private func normalizedByRunning(_ x: CrypTensor, _ mean: CrypTensor, _ variance: CrypTensor) -> CrypTensor {
        let weight = state["weight"] ?? CrypTensor(1.0).broadcast(to: mean.shape)
        let scale = weight.applying(.divideByRoot(.whole, count: 1), variance + epsilon)
        let shift = state["bias"].map { $0 - mean * scale } ?? -(mean * scale)
        return x * channels(scale, of: x)! + channels(shift, of: x)!
    }

    /// One number a channel, in a shape that broadcasts to the operand's.
    private func channels(_ tensor: CrypTensor?, of x: CrypTensor) -> CrypTensor? {
        tensor?.reshape([1, x.shape[1]] + [Int](repeating: 1, count: x.rank - 2))
    }
}

/// Normalisation of the channels of rows `[N, C]` or signals `[N, C, L]`.
public typealias BatchNorm1d = BatchNorm<OneAxis>
/// Normalisation of the channels of images `[N, C, H, W]`.
public typealias BatchNorm2d = BatchNorm<TwoAxes>
/// Normalisation of the channels of volumes `[N, C, D, H, W]`.
public typealias BatchNorm3d = BatchNorm<ThreeAxes>
