//! Files for Kafka's tools, good, bad and mutilated.

use super::*;

const SCRAM: &str = "\
# for the tools
security.protocol = SASL_SSL
sasl.mechanism: SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username=\"plan\\\\\"ner\" \\
    password=\"h4nd over; =now\";
ssl.truststore.location=/etc/kafka/ca.pem
group.id=whatever
";

fn parse(text: &str) -> Result<(ClientProperties, Faults), Faults> {
    ClientProperties::parse(Path::new("client.properties"), text)
}

fn first(text: &str) -> Fault {
    parse(text).unwrap_err().list.first().cloned().unwrap()
}

#[test]
fn a_file_for_kafkas_tools_is_understood() {
    let (properties, warnings) = parse(SCRAM).unwrap();
    assert_eq!(warnings, Faults::default());
    assert_eq!(properties.security_protocol(), "SASL_SSL");
    let sasl = properties.sasl.unwrap();
    assert_eq!((sasl.mechanism, sasl.username.as_str()), (Mechanism::ScramSha512, "plan\"ner"));
    assert_eq!(sasl.password.expose(), "h4nd over; =now");
    assert_eq!(properties.tls.ca, Some(Pem::File("/etc/kafka/ca.pem".into())));
}

#[test]
fn without_a_file_or_settings_it_is_plaintext() {
    assert_eq!(parse("").unwrap().0, ClientProperties::default());
    assert_eq!(ClientProperties::default().security_protocol(), "PLAINTEXT");
}

#[test]
fn secrets_are_in_no_debug_output_and_no_fault() {
    let shown = format!("{:?}", parse(SCRAM).unwrap().0);
    assert!(!shown.contains("h4nd") && shown.contains("Secret(…)"), "{shown}");
    for broken in ["required\\", "\";\nx", "required username=\"a\" password=\"h4nd over"] {
        let text = format!("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=M {broken}\n");
        let shown = format!("{:?}", parse(&text));
        assert!(!shown.contains("h4nd"), "{shown}");
    }
}

#[test]
fn javas_own_stores_are_refused_with_the_way_to_convert_them() {
    let fault = first("security.protocol=SSL\n  ssl.truststore.location=/etc/trust.jks\nssl.truststore.password=x\n");
    assert_eq!((fault.code, fault.line, fault.column), (codes::PROPERTIES_STORE, Some(2), Some(3)));
    assert!(fault.help.unwrap().contains("keytool -list -rfc"));
    let fault = first("security.protocol=SSL\nssl.keystore.location=/k\nssl.keystore.type=PKCS12\n");
    assert!(fault.message.contains("PKCS12") && fault.help.unwrap().contains("openssl pkcs12"));
}

#[test]
fn what_is_missing_or_not_supported_is_said() {
    let cases = [
        ("security.protocol=TLS", codes::PROPERTIES_VALUE),
        ("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN", codes::PROPERTIES_MISSING),
        ("security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER", codes::PROPERTIES_UNSUPPORTED),
        (
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=${file:/x:y}",
            codes::PROPERTIES_UNSUPPORTED,
        ),
        ("security.protocol=SSL\nssl.endpoint.identification.algorithm=", codes::PROPERTIES_UNSUPPORTED),
        ("security.protocol=SSL\nssl.key.location=/k.pem", codes::PROPERTIES_MISSING),
        ("x=\\u12", codes::PROPERTIES_SYNTAX),
        ("security.protocol=SASL_SSL\nsasl.jaas.config=M required keyTab=\"/k\";", codes::PROPERTIES_MISSING),
    ];
    for (text, code) in cases {
        assert_eq!(first(text).code, code, "{text}");
    }
}

#[test]
fn a_mistyped_key_is_told_with_the_nearest() {
    let (_, warnings) = parse("sasl.mechanisn=PLAIN\nretries=3\nssl.truststore.password=x\n").unwrap();
    let warning = &warnings.list[0];
    assert_eq!((warnings.list.len(), warning.code, warning.line), (1, codes::PROPERTIES_UNKNOWN_KEY, Some(1)));
    assert!(warning.help.as_ref().unwrap().contains("sasl.mechanism"));
}

#[test]
fn kerberos_takes_its_keytab_from_the_login_module() {
    let text = "security.protocol=SASL_PLAINTEXT\nsasl.kerberos.service.name=kafka\nsasl.jaas.config=\
                com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"/k\" principal='a@B';\n";
    let sasl = parse(text).unwrap().0.sasl.unwrap();
    assert_eq!(sasl.mechanism, Mechanism::Gssapi);
    assert_eq!(sasl.kerberos.keytab.as_deref(), Some("/k"));
    assert_eq!(sasl.kerberos.principal.as_deref(), Some("a@B"));
    let of_cache = text.replace("useKeyTab=true", "useKeyTab=false useTicketCache=true");
    assert_eq!(parse(&of_cache).unwrap().0.sasl.unwrap().kerberos.keytab, None);
}

/// Cuts, doubles and swaps parts of a good file, each case another place: whatever comes of it, it is no panic, and the
/// password is not told.
#[test]
fn a_hundred_mutilated_files_never_panic_and_never_tell_the_password() {
    let chars: Vec<char> = SCRAM.chars().collect();
    for case in 0..100 {
        let at = case * 37 % chars.len();
        let mut mutilated = chars.clone();
        match case % 4 {
            0 => mutilated.truncate(at),
            1 => drop(mutilated.drain(at..(at + 1 + case % 9).min(chars.len()))),
            2 => mutilated.splice(at..at, "\\u\"=;\n".chars().skip(case % 5)).for_each(drop),
            _ => mutilated.rotate_left(at),
        }
        let text: String = mutilated.into_iter().collect();
        let shown = format!("{:?}", parse(&text));
        assert!(!shown.contains("over; =now"), "case {case}: {shown}");
    }
}
