public import CrypTenExpressions

/// Steps divided by the root of the gradients' mean square, as PyTorch has them, without centring.
///
///     V ← α·V + g²,    u ← g / √(V + ε² / (1 − α)),    p ← p − learningRate / √(1 − α) · (u, or b ← momentum · b + u)
///
/// ε is under the root, and V a sum, as in ``Adam``, whose bounds hold.
/// > Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012.
public struct RMSprop: Optimizer, MomentumFollower {
    public var learningRate: Double
    /// How much of the mean square stays from step to step.
    public var alpha: Double
    /// What keeps the step of small gradients finite.
    public var epsilon: Double
    /// How much of the last step goes into the next.
    public var momentum: Double
    /// How much of a parameter is added to its gradient.
    public var weightDecay: Double
    public var state = ParameterTree()
    public var stepCount = 0
    package var followed: FollowedMomentum?

    public init(
        learningRate: Double = 1e-2,
        alpha: Double = 0.99,
        epsilon: Double = 1e-8,
        momentum: Double = 0,
        weightDecay: Double = 0
    ) {
        self.learningRate = learningRate
        self.alpha = alpha
        self.epsilon = epsilon
        self.momentum = momentum
        self.weightDecay = weightDecay
    }

    public var slots: [OptimizerSlot] {
        [OptimizerSlot("square", fractionBits: 48, isDivisor: true)]
            + (momentum == 0 && followed == nil ? [] : [OptimizerSlot("momentum", fractionBits: 24)])
    }

    public func rates(at step: Int) -> [Double] {
        [learningRate / (1 - alpha).squareRoot()] + (followed.map { [$0.now] } ?? [])
    }

    public func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor]) {
        let slope = gradient.adding(weightDecay, of: parameter)
        let square = remembered["square"]!.decayed(to: alpha) + slope.square()
        let step = slope * (square + epsilon * epsilon / (1 - alpha)).inverseSquareRoot(sparingDealer: true)
        guard let last = remembered["momentum"] else {
            return (parameter - step * rates[0], ["square": square])
        }
        let moved = (followed == nil ? last.decayed(to: momentum) : last * rates[1]) + step
        return (parameter - moved * rates[0], ["square": square, "momentum": moved])
    }
}
