import ArgumentParser
import CrypTen

/// Who makes a session's correlations, and what the members agree on about it.
struct CorrelationSetting: Sendable, Equatable {
    var provider = CorrelationProvider.dealer
    /// As in `SessionConfiguration`: of no meaning where there is a dealer.
    var transferTreeHeight = SessionConfiguration().transferTreeHeight

    static let dealer = CorrelationSetting()

    var hasDealer: Bool { provider == .dealer }

    func apply(to configuration: inout SessionConfiguration) {
        configuration.correlations = provider
        configuration.transferTreeHeight = transferTreeHeight
    }
}

extension CorrelationSetting {
    /// What a session's members have agreed on.
    init(of configuration: SessionConfiguration) {
        self.init(provider: configuration.correlations, transferTreeHeight: configuration.transferTreeHeight)
    }
}

/// By which trees two parties without a dealer extend correlated transfers.
struct TransferTreeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --dealer none: levels of the trees that correlated transfers are extended by, 4 where nothing is said.",
            discussion: """
                More levels send less and compute longer, before the inputs are needed: 8, 4 or 2 bytes a transfer with 2, 4 or 8 levels, and 2, 4 or 32 \
                blocks of AES at either party. 8 is for slow links, 2 for parties on one machine; `crypten plan --dealer none --network` says which takes the least \
                time. Both parties must name the same.
                """,
            valueName: "2|4|8"
        )
    )
    var transferTreeHeight: Int?

    func validate() throws {
        if let transferTreeHeight, ![2, 4, 8].contains(transferTreeHeight) {
            throw ValidationError("--transfer-tree-height \(transferTreeHeight): choose 2, 4 or 8")
        }
    }

    /// - Throws: `ValidationError` where a dealer makes the correlations, who needs no trees.
    func check(_ provider: CorrelationProvider) throws {
        guard transferTreeHeight == nil || provider == .parties else {
            throw ValidationError(
                "--transfer-tree-height is for parties who make the correlations themselves: leave it out where there is a dealer, or give --dealer none"
            )
        }
    }

    func setting(_ provider: CorrelationProvider) -> CorrelationSetting {
        CorrelationSetting(
            provider: provider,
            transferTreeHeight: transferTreeHeight ?? CorrelationSetting.dealer.transferTreeHeight
        )
    }
}
