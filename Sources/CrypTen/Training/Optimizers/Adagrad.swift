public import CrypTenExpressions

/// Steps divided by the root of the sum of the gradients' squares, as PyTorch has them.
///
///     V ← V + g², from initialAccumulatorValue on,    p ← p − learningRate / (1 + (t − 1) · decay) · g / √(V + ε²)
///
/// ε is under the root, as in ``Adam``, whose bounds hold.
/// > Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR 2011.
public struct Adagrad: Optimizer {
    public var learningRate: Double
    /// By how much the learning rate falls with the number of steps.
    public var decay: Double
    /// What keeps the step of small gradients finite.
    public var epsilon: Double
    /// How much of a parameter is added to its gradient.
    public var weightDecay: Double
    /// What the sum of squares is before the first step, with 24 fraction bits.
    public var initialAccumulatorValue: Double
    public var state = ParameterTree()
    public var stepCount = 0

    public init(
        learningRate: Double = 1e-2,
        decay: Double = 0,
        epsilon: Double = 1e-10,
        weightDecay: Double = 0,
        initialAccumulatorValue: Double = 0
    ) {
        self.learningRate = learningRate
        self.decay = decay
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.initialAccumulatorValue = initialAccumulatorValue
    }

    public var slots: [OptimizerSlot] {
        [OptimizerSlot("square", fractionBits: 48, initial: initialAccumulatorValue, isDivisor: true)]
    }

    public func rates(at step: Int) -> [Double] {
        [learningRate / (1 + Double(step - 1) * decay)]
    }

    public func step(
        _ parameter: CrypTensor,
        _ gradient: CrypTensor,
        _ remembered: [String: CrypTensor],
        rates: [CrypTensor]
    ) -> (parameter: CrypTensor, remembered: [String: CrypTensor]) {
        let slope = gradient.adding(weightDecay, of: parameter)
        let square = remembered["square"]! + slope.square()
        let inverse = (square + max(epsilon * epsilon, 0x1p-46)).inverseSquareRoot(sparingDealer: true)
        return (parameter - slope * inverse * rates[0], ["square": square])
    }
}
