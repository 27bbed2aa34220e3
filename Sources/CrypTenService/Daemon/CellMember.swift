import CoreMetrics
import CrypTenBase
import CrypTenRing
import CrypTenTransport
public import Foundation
public import Logging
import NIOConcurrencyHelpers
import ServiceLifecycle
import UnixSignals

/// One member of a cell as a daemon: a party with its door, or the dealer.
///
/// It ends in good order on SIGTERM and SIGINT: what is running is finished, what comes is refused. On SIGHUP it reads its cluster file anew:
/// identities, by what others are known, revocations, clients' certificates and keys, origins, limits, and models change without a request being lost; what all members
/// must agree on changes when all are started anew.
public struct CellMember: Sendable {
    private let file: URL
    private let name: String
    private let environment: [String: String]
    private let logger: Logger
    private let settings: MemberSettings

    /// - Parameters:
    ///   - file: The cluster file.
    ///   - name: Which member or dealer of it this is.
    ///   - environment: Variables that take the place of what the file's local part says.
    /// - Throws: `.fileNotReadable`, `.malformedFile`; `.invalidArgument` for a name that the file doesn't have.
    public init(
        _ file: URL,
        as name: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger
    ) throws {
        (self.file, self.name, self.environment, self.logger) = (file, name, environment, logger)
        settings = try MemberSettings(ClusterFile(contentsOf: file), as: name, environment: environment)
    }

    /// Runs until a signal ends it.
    ///
    /// - Throws: what can't be mended by trying again: an address that is taken, files that can't be read.
    public func run() async throws {
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(PrometheusFactory(registry))
        CellMeter.describe(registry)
        let meter = CellMeter()
        let cluster = settings.cluster
        var services: [any Service] = []
        let isReady: @Sendable () -> Bool
        var leave: @Sendable () -> Void = {}
        let isOpen = NIOLockedValueBox(false)
        var isListening: @Sendable () -> Bool = { true }
        let reload: @Sendable (MemberSettings) throws -> Void
        let certificates: @Sendable () -> (days: Int?, warnings: [String])
        switch settings.part {
        case .dealer:
            let dealer = try DealerDaemon(settings, meter: meter, logger: logger)
            services.append(dealer)
            isReady = { dealer.isReady }
            isListening = { dealer.isReady }
            reload = dealer.reload
            certificates = dealer.certificates
        case .party(let index):
            let party = try PartyDaemon(settings, meter: meter, logger: logger)
            services.append(party)
            isReady = { party.shelf.epoch != nil }
            leave = party.leave
            certificates = party.certificates
            if cluster.members[index].door != nil, let address = settings.local.door ?? settings.defaultDoor {
                let (closed, changes) = try door(party, index, at: address, meter)
                var server = closed
                server.opened = { _ in isOpen.withLockedValue { $0 = true } }
                isListening = { isOpen.withLockedValue { $0 } }
                services.append(server)
                reload = { settings in
                    try changes(settings)
                    try party.reload(settings)
                }
            } else {
                reload = party.reload
            }
        }
        if let status = settings.local.status {
            let address = try TCPAddress(status)
            services.append(
                StatusServer(
                    address: address,
                    hosts: KnownHosts(settings.local.statusHosts + [address.host]),
                    isReady: isReady,
                    registry: registry,
                    logger: logger
                )
            )
        }
        services.append(Upkeep(isListening: isListening, certificates: certificates, meter: meter, logger: logger))
        services.append(Reloads(member: self, reload: reload, logger: logger))
        // Services end in the other order: what waits at the door is told before the door waits for it.
        services.append(Leaving(leave: leave))
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        try await ServiceGroup(configuration: configuration).run()
    }

    private func door(
        _ party: PartyDaemon,
        _ index: Int,
        at address: String,
        _ meter: CellMeter
    ) throws -> (DoorServer, @Sendable (MemberSettings) throws -> Void) {
        let cluster = settings.cluster
        let clients = try DoorClients(cluster, party: name)
        let origins = DoorOrigins(cluster.origins)
        let certificate = DoorCertificate(try settings.identities())
        let hasBudgets = cluster.clients.contains { $0.models.values.contains { $0.rowsPerDay != nil } }
        guard !hasBudgets || settings.local.state != nil else {
            throw CrypTenError(
                .invalidArgument,
                "clients have budgets of rows, which must outlast this process: name a folder for them (local.\(name).state, or CRYPTEN_STATE)"
            )
        }
        let store = try settings.local.state.map {
            try BudgetStore(directory: URL(fileURLWithPath: $0).appendingPathComponent("budgets"))
        }
        let limits = DoorLimits(cluster.limits)
        let door = Door(
            party: PartyID(index),
            name: name,
            cell: cluster.cell,
            parties: cluster.members.count,
            requests: party.requests,
            shelf: party.shelf,
            clients: clients,
            budgets: store.map { Budgets($0) },
            meter: meter,
            limits: limits,
            origins: origins,
            version: CrypTenVersion.text,
            room: DoorRoom(limits)
        )
        let place = try TCPAddress(address)
        guard !settings.isDoorPlain || ClusterFile.isLoopback(place.host) else {
            throw CrypTenError(
                .insecureTransport,
                "the door at \(address) would have no TLS, and others reach it: write https:// in members.\(name).door, or listen at 127.0.0.1"
            )
        }
        let server = DoorServer(
            door: door,
            certificate: settings.isDoorPlain ? nil : certificate,
            address: place,
            logger: logger
        )
        let name = name
        return (
            server,
            { settings in
                let identities = try settings.identities()
                try clients.replace(settings.cluster, party: name)
                origins.replace(settings.cluster.origins)
                certificate.replace(identities)
                limits.replace(settings.cluster.limits)
            }
        )
    }

    /// Reads the cluster file anew.
    ///
    /// - Throws: what is wrong with it; `.diverged` where it says otherwise what all members must agree on.
    fileprivate func reread() throws -> MemberSettings {
        let new = try MemberSettings(ClusterFile(contentsOf: file), as: name, environment: environment)
        let (before, now) = (settings.cluster.agreed, new.cluster.agreed)
        if let change = now.first(where: { item in !before.contains { $0 == item } })
            ?? before.first(where: { item in !now.contains { $0 == item } })
        {
            throw CrypTenError(
                .diverged,
                "the cluster file says otherwise what all members agree on (\(change.name)): start all members anew for that"
            )
        }
        return new
    }
}

extension MemberSettings {
    /// Whether the door speaks without TLS, to programs of this machine.
    var isDoorPlain: Bool {
        guard case .party(let index) = part else { return false }
        return cluster.members[index].door?.hasPrefix("http://") ?? false
    }

    /// Where the door is, where the local part says nothing: as clients call it.
    var defaultDoor: String? {
        guard case .party(let index) = part, let door = cluster.members[index].door, let url = URL(string: door),
            let host = url.host
        else { return nil }
        return "\(host.contains(":") ? "[\(host)]" : host):\(url.port ?? 443)"
    }
}

/// What a daemon does now and then: it tells whoever started it that it lives, and warns of a certificate's end.
private struct Upkeep: Service {
    /// Whether others can come.
    let isListening: @Sendable () -> Bool
    let certificates: @Sendable () -> (days: Int?, warnings: [String])
    let meter: CellMeter
    let logger: Logger

    private static let day = Duration.seconds(24 * 3600)

    func run() async throws {
        let interval = SystemdNotice.watchdogInterval() ?? .seconds(60)
        try? await cancelWhenGracefulShutdown {
            while !isListening() { try await Task.sleep(for: .milliseconds(100)) }
            // From now on others can come.
            SystemdNotice.ready.send()
            var warned: ContinuousClock.Instant?
            while true {
                SystemdNotice.alive.send()
                // What a crowd of connections has left behind goes back to the system.
                ProcessMemory.giveBackFreed()
                let (days, warnings) = certificates()
                if let days { meter.certificate(days: days) }
                if warned.map({ ContinuousClock.now - $0 > Upkeep.day }) ?? true {
                    for warning in warnings { logger.warning("\(warning)") }
                    warned = .now
                }
                try await Task.sleep(for: min(interval, .seconds(60)))
            }
        }
        SystemdNotice.stopping.send()
    }
}

/// Has the party leave before anything else ends.
private struct Leaving: Service {
    let leave: @Sendable () -> Void

    func run() async throws {
        try? await gracefulShutdown()
        leave()
    }
}

/// Reads the cluster file anew on SIGHUP.
private struct Reloads: Service {
    let member: CellMember
    let reload: @Sendable (MemberSettings) throws -> Void
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            SystemdNotice.reloading.send()
            do {
                try reload(member.reread())
                logger.info("the cluster file was read anew")
            } catch {
                logger.error("nothing was changed: \((error as? CrypTenError)?.message ?? "\(error)")")
            }
            SystemdNotice.ready.send()
        }
    }
}
