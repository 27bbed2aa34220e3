public import CrypTenExpressions

/// Adam whose steps are as long, for each parameter, as the learning rate times the parameter: what large batches are trained with.
///
///     u = m / √(v + ε²) + weightDecay · p,    p ← p − learningRate · ‖p‖ / ‖u‖ · u
///
/// m and v are Adam's moments without their bias, kept as ``Adam`` keeps them, whose bounds hold. Where ‖p‖ is 0, as of a bias at first, the
/// ratio is 1; a root mean square of less than 10⁻⁵ counts as 0. The ratio is secret: two square roots of one number for each parameter, its
/// relative error 2·10⁻³. With 16 fraction bits ‖u‖ lies below 2¹⁵, and below 2⁷ the length of a vector of parameters and of each slice of a larger
/// one along its first axis.
/// > You and others, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020.
/// - Complexity: 14 rounds more than ``Adam``, whatever the number of parameters; for each element 41 bytes opened and 55 dealt more.
public struct LAMB: Optimizer {
    public var learningRate: Double
    /// How much of the first and of the second moment stays from step to step.
    public var betas: (Double, Double)
    /// What keeps the step of small gradients finite.
    public var epsilon: Double
    /// How much of a parameter is added to its direction.
    public var weightDecay: Double
    public var state = ParameterTree()
    public var stepCount = 0

    public init(
        learningRate: Double = 1e-3,
        betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-6,
        weightDecay: Double = 1e-2
    ) {
        self.learningRate = learningRate
        self.betas = betas
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    public var slots: [OptimizerSlot] {
        AdamMoments.slots
    }

    public func rates(at step: Int) -> [Double] {
        [
            AdamMoments.scale(betas: betas, at: step), learningRate / LAMB.ratioRoom,
            AdamMoments.floor(betas: betas, epsilon: epsilon, at: step),
        ]
    }

    public func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor]) {
        let moments = AdamMoments(remembered, gradient, betas: betas)
        let direction = (moments.direction(floor: rates[2]) * rates[0]).adding(weightDecay, of: parameter)
        let next = parameter - direction * LAMB.trustRatio(parameter, direction) * rates[1]
        return (next, moments.remembered)
    }

    /// By what ratios are multiplied, so that small ones keep their precision.
    private static let ratioRoom = 256.0
    /// What is added to the mean square of a direction, whose root is divided by.
    private static let least = 0x1p-32

    /// ‖p‖ / ‖u‖ times ``ratioRoom``, as the quotient of the roots of mean squares.
    private static func trustRatio(_ parameter: CrypTensor, _ direction: CrypTensor) -> CrypTensor {
        // Of a matrix row by row: parameters have so many fraction bits that the sum of all their squares may lack room.
        let rows = parameter.square().sum(axes: Array(min(1, max(parameter.rank - 1, 0))..<parameter.rank))
        func meanSquare(times room: Double) -> CrypTensor {
            let part = rows * (room / Double(max(1, parameter.count)))
            return parameter.rank > 1 ? part.sum() : part
        }
        let size = meanSquare(times: ratioRoom * ratioRoom)
        let inverse = (direction.square().sum() * (1 / Double(max(1, direction.count))) + least).inverseSquareRoot()
        // Of a product of its own, so that the root is of the sum as it is.
        let isZero = meanSquare(times: 2 * ratioRoom * ratioRoom) .== 0.0
        return which(isZero, CrypTensor(ratioRoom), size.sqrt() * inverse)
    }
}
