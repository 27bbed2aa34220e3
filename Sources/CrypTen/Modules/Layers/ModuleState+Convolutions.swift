extension ModuleState {
    /// What every convolution has: a weight, whose first axis a transposed one has for the operands' channels, and a bias.
    ///
    /// What its arguments can't be is noted, as `require` does.
    mutating func declareConvolution(
        _ inChannels: Int,
        _ outChannels: Int,
        kernel: [Int],
        groups: Int,
        isTransposed: Bool,
        bias: Bool
    ) {
        require(
            inChannels > 0 && outChannels > 0 && groups > 0 && kernel.allSatisfy { $0 > 0 },
            "\(inChannels) and \(outChannels) channels, kernel \(kernel) and \(groups) groups are from 1 on"
        )
        require(
            groups < 1 || (inChannels.isMultiple(of: groups) && outChannels.isMultiple(of: groups)),
            "\(groups) groups don't divide \(inChannels) and \(outChannels) channels"
        )
        let (whole, divided) = isTransposed ? (inChannels, outChannels) : (outChannels, inChannels)
        declare("weight", [whole, groups > 0 ? divided / groups : 0] + kernel, .layerWeight)
        guard bias else { return }
        let fanIn = kernel.reduce(divided / max(1, groups)) { $0.multipliedReportingOverflow(by: $1).partialValue }
        declare("bias", [outChannels], .layerBias(fanIn: fanIn))
    }
}
