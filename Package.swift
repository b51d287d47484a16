// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is held to.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Imports go one way: the program imports Evaluation, Evaluation the six targets in the middle, and those only C.
let package = Package(
    name: "sentinode",
    products: [.executable(name: "sentinode", targets: ["sentinode"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .executableTarget(
            name: "sentinode",
            dependencies: [
                "Evaluation", "Training", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Evaluation",
            dependencies: [
                "PatchClassifier", "Training", "MessageBroker", "Database", "AuditTrail", "Monitoring", "WebClient",
                "CHDF5", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        .target(name: "PatchClassifier", dependencies: ["CPatch"], swiftSettings: strict),
        .target(name: "Training", dependencies: ["PatchClassifier", "CPatch"], swiftSettings: strict),
        .target(name: "MessageBroker", dependencies: ["CRabbitMQ"], swiftSettings: strict),
        .target(name: "Database", dependencies: ["CPostgres"], swiftSettings: strict),
        .target(name: "AuditTrail", dependencies: ["CCrypto"], swiftSettings: strict),
        .target(name: "Monitoring", swiftSettings: strict),
        .target(name: "WebClient", dependencies: ["CCurl"], swiftSettings: strict),

        // -O3 stands after SwiftPM's -O0, so the kernels are fast in debug builds too; without contraction and
        // fast-math the order of operations in the source is the order on every CPU.
        .target(
            name: "CPatch",
            dependencies: ["CPNG", "CJPEG", "CZLIB"],
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-fast-math", "-Wall", "-Wextra", "-Werror"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CZLIB", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),

        .executableTarget(
            name: "kernel-benchmark", dependencies: ["PatchClassifier"], path: "Benchmarks/kernels",
            exclude: ["peers.py"], swiftSettings: strict),
        .executableTarget(
            name: "queue-benchmark", dependencies: ["Database", "MessageBroker"], path: "Benchmarks/queue",
            swiftSettings: strict),

        .testTarget(
            name: "PatchClassifierTests", dependencies: ["PatchClassifier"],
            resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "PatchClassifier"],
            resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(name: "MessageBrokerTests", dependencies: ["MessageBroker"], swiftSettings: strict),
        .testTarget(name: "DatabaseTests", dependencies: ["Database"], swiftSettings: strict),
        .testTarget(
            name: "AuditTrailTests", dependencies: ["AuditTrail"], swiftSettings: strict
        ),
        .testTarget(
            name: "MonitoringTests", dependencies: ["Monitoring"], exclude: ["Oracle"], swiftSettings: strict),
        .testTarget(name: "WebClientTests", dependencies: ["WebClient"], swiftSettings: strict),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Evaluation", "PatchClassifier", "Training", "MessageBroker", "Database", "AuditTrail",
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: strict),
    ]
)
