public import Database

extension DatabaseError {
    static let migrateAdvice = "bring the database to this program's schema with `sentinode migrate`"

    /// What a person does about it, where the code tells.
    public var advice: String? {
        if isMisconfigured { return "mend the parameters of SENTINODE_DATABASE_URL, such as sslmode and sslrootcert" }
        switch sqlstate {
        case "42501":
            return "use a login that was granted the role for this: sentinode_worker to work, sentinode_admin for "
                + "models, readers, labels, erasure and quarantine, sentinode_monitor to monitor, sentinode_auditor to "
                + "verify, sentinode_owner to migrate"
        case "25006":
            return "this server only reads, as a standby does: name the primary in SENTINODE_DATABASE_URL"
        // A table, schema, function, column or role that is not there.
        case "42P01", "3F000", "42883", "42703", "42704":
            return DatabaseError.migrateAdvice
        default: break
        }
        switch sqlstate.prefix(2) {
        case "28": return "mend the user and the password in SENTINODE_DATABASE_URL"
        case "3D": return "mend the name of the database in SENTINODE_DATABASE_URL, or create it"
        case "08": return "check SENTINODE_DATABASE_URL, and that PostgreSQL runs"
        default: return nil
        }
    }
}
