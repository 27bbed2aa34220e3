import CrypTenBase
import CrypTenIdentity
import CrypTenRuntime
import Foundation
import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle

/// A dealer that stays up: it serves the cell's sessions, one after another.
final class DealerDaemon: Service {
    private let membership: Membership
    private let settings: NIOLockedValueBox<MemberSettings>
    private let meter: CellMeter
    private let logger: Logger
    private let isServing = NIOLockedValueBox(false)

    init(_ settings: MemberSettings, meter: CellMeter, logger: Logger) throws {
        membership = try settings.membership(dealer: nil)
        self.settings = NIOLockedValueBox(settings)
        (self.meter, self.logger) = (meter, logger)
    }

    /// Whether it listens.
    var isReady: Bool { isServing.withLockedValue { $0 } }

    func run() async throws {
        let settings = settings.withLockedValue { $0 }
        let service = try await DealerService.listen(
            at: settings.listen,
            parties: settings.cluster.members.count,
            membership: membership
        )
        isServing.withLockedValue { $0 = true }
        logger.info("the dealer listens", metadata: ["address": "\(service.address)"])
        try await withGracefulShutdownHandler {
            try await self.serve(service)
        } onGracefulShutdown: {
            service.abort(CrypTenError(.cancelled, "the dealer is to leave").telling(.ended))
        }
    }

    private func serve(_ service: DealerService) async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            var configuration = SessionConfiguration()
            configuration.membership = membership
            configuration.logger = logger
            configuration.silenceLimit = .seconds(5)
            let local = settings.withLockedValue(\.local)
            configuration.threads = local.threads
            configuration.device = local.device ?? configuration.device
            do {
                let report = try await service.serve(configuration: configuration, timeout: .seconds(30))
                logger.info("a session has ended", metadata: ["bytes": "\(report.correctionBytes)"])
            } catch let error as CrypTenError where [.addressInUse, .invalidArgument].contains(error.code) {
                throw error
            } catch {
                if Task.isShuttingDownGracefully || Task.isCancelled { break }
                meter.lost()
                // Not the cause: where a party's bytes can't be read, it may quote them.
                logger.warning("a session has failed: \((error as? CrypTenError)?.message ?? "\(type(of: error))")")
            }
        }
        logger.info("the dealer has left the cell")
    }

    /// Takes over what has changed: identities, by what parties are known, and what is revoked.
    func reload(_ settings: MemberSettings) throws {
        for fingerprint in settings.cluster.revoked { membership.revoke(fingerprint) }
        try membership.replace(
            identities: settings.identities(),
            parties: settings.trust(dealer: nil).parties,
            dealer: nil
        )
        self.settings.withLockedValue { $0 = settings }
    }

    /// This member's certificate's last day, and what is wrong with it.
    func certificates() -> (days: Int?, warnings: [String]) {
        let days = (try? settings.withLockedValue { $0 }.identities())?.map { $0.certificate.daysLeft(at: Date()) }
            .max()
        return (days, membership.warnings(at: Date()))
    }
}
