// swift-tools-version: 6.1

import Foundation
import PackageDescription

/// One array of settings for every Swift target. Continuous integration sets `CRYPTEN_WARNINGS_AS_ERRORS`.
let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("InternalImportsByDefault"),
    ]
    + (ProcessInfo.processInfo.environment["CRYPTEN_WARNINGS_AS_ERRORS"] == nil
        ? [] : [.unsafeFlags(["-warnings-as-errors"])])

let package = Package(
    name: "swift-crypten",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "CrypTen", targets: ["CrypTen"]),
        .library(name: "CrypTenClient", targets: ["CrypTenClient"]),
        .library(name: "CrypTenONNX", targets: ["CrypTenONNX"]),
        .executable(name: "crypten", targets: ["CrypTenTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .target(name: "CCrypTenKernels"),
        .target(name: "CrypTenBase", swiftSettings: swiftSettings),
        .target(
            name: "CrypTenRing",
            dependencies: ["CCrypTenKernels", "CrypTenBase"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenDevice",
            dependencies: ["CrypTenBase", "CrypTenRing"],
            exclude: ["Kernels"],
            swiftSettings: swiftSettings
        ),
        .target(name: "CrypTenGates", dependencies: ["CrypTenRing"], swiftSettings: swiftSettings),
        .target(name: "CrypTenExpressions", dependencies: ["CrypTenRing"], swiftSettings: swiftSettings),
        .target(
            name: "CrypTenPlanning",
            dependencies: [
                "CrypTenGates", "CrypTenExpressions", .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenCorrelations",
            dependencies: [
                "CCrypTenKernels", "CrypTenBase", "CrypTenGates", "CrypTenPlanning", "CrypTenRing",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenIdentity",
            dependencies: [
                "CrypTenBase",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenTransport",
            dependencies: [
                "CCrypTenKernels", "CrypTenBase", "CrypTenIdentity",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenRuntime",
            dependencies: [
                "CrypTenCorrelations", "CrypTenDevice", "CrypTenIdentity", "CrypTenPlanning", "CrypTenTransport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTen",
            dependencies: ["CrypTenDevice", "CrypTenIdentity", "CrypTenRuntime"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenONNX",
            dependencies: ["CrypTen", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Schema/onnx.proto"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenSharing",
            dependencies: [
                "CrypTenBase",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenClient",
            dependencies: [
                "CrypTenBase", "CrypTenSharing",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CrypTenService",
            dependencies: [
                "CrypTen", "CrypTenDevice", "CrypTenONNX", "CrypTenSharing", "CrypTenTransport",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "CrypTenTool",
            dependencies: [
                "CrypTen", "CrypTenClient", "CrypTenONNX", "CrypTenService",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            resources: [.copy("Resources/digits"), .copy("Resources/page")],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "_CrypTenTestSupport",
            dependencies: [
                "CrypTenCorrelations", "CrypTenPlanning", "CrypTenTransport",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "_CrypTenONNXTestSupport",
            dependencies: ["CrypTenONNX", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenRingTests",
            dependencies: ["CrypTenDevice", "CrypTenRing"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenDeviceTests",
            dependencies: [
                "CrypTen", "CrypTenBase", "CrypTenDevice", "CrypTenRing", "CrypTenRuntime", "CrypTenTransport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenGatesTests",
            dependencies: ["CrypTenCorrelations", "CrypTenDevice", "_CrypTenTestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenExpressionsTests",
            dependencies: ["CrypTenExpressions"],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "CrypTenPlanningTests", dependencies: ["_CrypTenTestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CrypTenCorrelationsTests",
            dependencies: [
                "CrypTenBase", "CrypTenCorrelations", "CrypTenExpressions", "CrypTenGates", "CrypTenPlanning",
                "CrypTenRing", "_CrypTenTestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenIdentityTests",
            dependencies: ["CrypTenIdentity"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenTransportTests",
            dependencies: [
                "CrypTenIdentity", "CrypTenTransport", "_CrypTenTestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenRuntimeTests",
            dependencies: [
                "CrypTenCorrelations", "CrypTenIdentity", "CrypTenRuntime", "CrypTenTransport", "_CrypTenTestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenTests",
            dependencies: ["CrypTen"],
            exclude: ["Fixtures"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenONNXTests",
            dependencies: [
                "CrypTenONNX", "CrypTenPlanning", "CrypTenRuntime", "_CrypTenONNXTestSupport", "_CrypTenTestSupport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenSharingTests",
            dependencies: ["CrypTenSharing", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenClientTests",
            dependencies: [
                "CrypTenClient", "CrypTenIdentity", "CrypTenSharing",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenServiceTests",
            dependencies: [
                "CrypTenIdentity", "CrypTenONNX", "CrypTenRing", "CrypTenRuntime", "CrypTenService", "CrypTenSharing",
                "CrypTenTransport",
                "_CrypTenONNXTestSupport", "_CrypTenTestSupport",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CrypTenToolTests",
            dependencies: [
                "CrypTen", "CrypTenClient", "CrypTenDevice", "CrypTenIdentity", "CrypTenONNX", "CrypTenService",
                "CrypTenSharing", "CrypTenTool", "CrypTenTransport", "_CrypTenTestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: swiftSettings
        ),
    ],
    cLanguageStandard: .c11
)

// Fuzz targets are declared where they are asked for: they need a toolchain with libFuzzer, and `Scripts/fuzz` builds them.
if ProcessInfo.processInfo.environment["CRYPTEN_FUZZING"] != nil {
    let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
    let fuzzed: [(folder: String, dependencies: [Target.Dependency])] = [
        ("Frames", ["CrypTenRuntime", nio]),
        ("Plans", ["CrypTenRuntime", "_CrypTenTestSupport", nio]),
        ("Skeletons", ["FuzzedModelRun"]),
        ("Models", ["FuzzedModelRun"]),
        ("Extremes", ["_CrypTenONNXTestSupport"]),
        ("Numpy", ["CrypTen"]),
        ("Doors", ["CrypTenSharing"]),
        ("Clusters", ["CrypTenService"]),
    ]
    package.targets += [
        .target(name: "FuzzedSeeds", path: "Fuzzing/Seeds", swiftSettings: swiftSettings),
        .target(
            name: "FuzzedModelRun",
            dependencies: ["CrypTenONNX", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "Fuzzing/ModelRun",
            swiftSettings: swiftSettings
        ),
    ]
    package.targets += fuzzed.map { folder, dependencies in
        .executableTarget(
            name: "fuzz-target-\(folder.lowercased())",
            dependencies: dependencies + ["FuzzedSeeds"],
            path: "Fuzzing/\(folder)",
            swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]
        )
    }
}
