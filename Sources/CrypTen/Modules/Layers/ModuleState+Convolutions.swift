extension ModuleState {
    /// What the arguments of every convolution must be.
    mutating func requireConvolution(_ inChannels: Int, _ outChannels: Int, kernel: [Int], groups: Int) {
        require(
            inChannels > 0 && outChannels > 0 && groups > 0 && kernel.allSatisfy { $0 > 0 },
            "\(inChannels) and \(outChannels) channels, kernel \(kernel) and \(groups) groups are from 1 on"
        )
        require(
            groups < 1 || (inChannels.isMultiple(of: groups) && outChannels.isMultiple(of: groups)),
            "\(groups) groups don't divide \(inChannels) and \(outChannels) channels"
        )
    }
}
