#include "smtpd/inbound/mailauth_filter.h"

#include <doctest/doctest.h>

#include "common/mailauth/testing.h"
#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string checks = "mailauth_checks=iprev, spf, dkim, arc, dmarc";

/// Messages to bob from 198.51.100.9, of a sender whose domain's records a test names.
struct Mail {
  explicit Mail(std::vector<std::string> settings = {}) : stage(with_checks(std::move(settings))) {
    stage.resolver = &dns;
    stage.has_auth = true;
  }
  static std::vector<std::string> with_checks(std::vector<std::string> settings) {
    settings.insert(settings.begin(), checks);
    return settings;
  }
  static std::string script(const std::string& message, const std::string& reply) {
    std::string lines;
    for (std::string_view rest = message; !rest.empty();) {
      auto end = rest.find('\n');
      lines += "C: " + std::string(rest.substr(0, end)) + "\n";
      rest.remove_prefix(end + 1);
    }
    return "C: MAIL FROM:<ann@example.org>\nS~ 250\nC: RCPT TO:<bob@example.com>\nS~ 250\n"
           "C: DATA\nS~ 354\n" +
           lines + "C: .\nS~ " + reply + "\nC: QUIT\nS~ 221\n";
  }
  /// What went wrong in the dialogue; the message is answered with `reply`.
  std::string send(const std::string& message, const std::string& reply = "250") {
    return stage.run("S~ 220\nC: EHLO c.example\nS* 250\n" + script(message, reply));
  }
  /// The body of our field, unfolded.
  std::string results() const {
    auto content = stage.backend.content();
    REQUIRE(content.starts_with("Authentication-Results: mail.example.com;"));
    auto fields = HeaderFields(content);
    auto first = fields.begin();
    return first->value();
  }
  std::string log() const { return join(stage.log.lines(), "\n") + "\n"; }
  bool is_junk() const { return stage.backend.messages.at(0).envelope.is_junk; }

  TableResolver dns;
  Stage stage;
};

const std::string letter = "From: Ann <ann@example.org>\nSubject: x\n\ntext\n";
const std::string spf_pass = "v=spf1 ip4:198.51.100.9 -all";

/// A key of sel._domainkey.DOMAIN, and the letter signed with it.
std::string signed_letter(TableResolver& dns, const std::string& domain,
                          const std::string& message = letter) {
  static const SigningKey key = SigningKey::make_ed25519();
  dns.txt_record("sel._domainkey." + domain, dkim_key_record(key));
  DkimIdentity identity{domain, "sel", KeyKind::Ed25519};
  auto text = dkim_signed(identity, key, message, 1'700'000'000);
  std::erase(text, '\r');
  return text;
}

}  // namespace

TEST_CASE("each check's result is in Authentication-Results on top of the message") {
  Mail mail;
  mail.dns.txt_record("example.org", spf_pass);
  mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
  CHECK(mail.send(signed_letter(mail.dns, "example.org")) == "");
  auto results = mail.results();
  for (const char* part :
       {"iprev=pass policy.iprev=198.51.100.9;", "spf=pass smtp.mailfrom=ann@example.org;",
        "dkim=pass", "header.d=example.org", "arc=none",
        "dmarc=pass header.from=example.org "
        "policy.published-domain-policy=reject"}) {
    CAPTURE(part);
    CHECK(results.find(part) != std::string::npos);
  }
  CHECK_FALSE(mail.is_junk());
  CHECK(mail.log().find("QUEUEID: authentication: iprev=pass spf=pass dkim=pass "
                        "(example.org) arc=none dmarc=pass (example.org)\n") != std::string::npos);
  CHECK(mail.stage.backend.content().find("\nReceived: from c.example") != std::string::npos);
}

TEST_CASE("a large message's body is checked piece by piece") {
  Mail mail;
  std::string large = letter;
  for (int i = 0; i < 3000; ++i) large += "a line of some octets, " + std::to_string(i) + "\n";
  CHECK(mail.send(signed_letter(mail.dns, "example.org", large)) == "");
  CHECK(mail.stage.backend.messages.at(0).envelope.body_is_file);
  CHECK(mail.results().find("dkim=pass") != std::string::npos);
}

TEST_CASE("only the fields that claim to be ours are removed from a stranger's mail") {
  Mail mail;
  CHECK(mail.send("Authentication-Results: mail.example.com; dkim=pass\n"
                  "Authentication-Results: other.example; spf=pass\n"
                  "Authentication-Results: \"Mail.Example.COM\" (x) 1;\n dmarc=pass\n" +
                  letter) == "");
  auto content = mail.stage.backend.content();
  CHECK(content.find("mail.example.com; dkim=pass") == std::string::npos);
  CHECK(content.find("Mail.Example.COM") == std::string::npos);
  CHECK(content.find("Authentication-Results: other.example; spf=pass\n") != std::string::npos);
}

TEST_CASE("mail that fails DMARC is put aside or refused as far as dmarc_policy_action goes") {
  auto outcome = [](const std::string& published, const std::string& action) {
    Mail mail({"dmarc_policy_action=" + action});
    mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=" + published);
    bool is_refused = published == "reject" && action == "reject";
    CHECK(mail.send(letter, is_refused ? "550 5.7.1 Message rejected by the DMARC policy of "
                                         "example.org: neither SPF nor DKIM has passed for "
                                         "example.org"
                                       : "250") == "");
    if (is_refused) {
      CHECK(mail.stage.backend.messages.empty());
      CHECK(mail.log().find(
                "QUEUEID: reject: END-OF-MESSAGE from client.example[198.51.100.9]: 550 5.7.1") !=
            std::string::npos);
      return "refused";
    }
    CHECK(mail.results().find("dmarc=fail") != std::string::npos);
    bool is_logged =
        mail.log().find("QUEUEID: quarantine: END-OF-MESSAGE from") != std::string::npos;
    CHECK(is_logged == mail.is_junk());
    return mail.is_junk() ? "junk" : "taken";
  };
  CHECK(outcome("reject", "reject") == std::string("refused"));
  CHECK(outcome("reject", "quarantine") == std::string("junk"));
  CHECK(outcome("reject", "none") == std::string("taken"));
  CHECK(outcome("quarantine", "reject") == std::string("junk"));
  CHECK(outcome("quarantine", "none") == std::string("taken"));
  CHECK(outcome("none", "reject") == std::string("taken"));
}

TEST_CASE("mail that SPF alone fails is refused or put aside if spf_policy_action says so") {
  const std::string forbidden = "v=spf1 ip4:192.0.2.1 -all exp=why.example.org";
  Mail refusing({"spf_policy_action=reject"});
  refusing.dns.txt_record("example.org", forbidden).txt_record("why.example.org", "go away");
  CHECK(refusing.send(letter,
                      "550 5.7.23 Message rejected by SPF: 198.51.100.9 may not send mail "
                      "of example.org; its owner says: go away") == "");
  Mail aside({"spf_policy_action=quarantine"});
  aside.dns.txt_record("example.org", forbidden);
  CHECK(aside.send(letter) == "");
  CHECK(aside.is_junk());
  Mail mild;
  mild.dns.txt_record("example.org", forbidden);
  CHECK(mild.send(letter) == "");
  CHECK_FALSE(mild.is_junk());
  Mail forwarded({"spf_policy_action=reject"});
  forwarded.dns.txt_record("example.org", forbidden);
  forwarded.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
  CHECK(forwarded.send(signed_letter(forwarded.dns, "example.org")) == "");
  CHECK_FALSE(forwarded.is_junk());
}

TEST_CASE("what DNS does not answer is a temperror and no reason to refuse") {
  Mail mail({"spf_policy_action=reject", "dmarc_policy_action=reject"});
  auto text = signed_letter(mail.dns, "example.org");
  mail.dns.try_later("example.org", DnsType::Txt);
  mail.dns.try_later("sel._domainkey.example.org", DnsType::Txt);
  mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
  CHECK(mail.send(text) == "");
  auto results = mail.results();
  CHECK(results.find("spf=temperror") != std::string::npos);
  CHECK(results.find("dkim=temperror") != std::string::npos);
  CHECK(results.find("dmarc=temperror") != std::string::npos);
  CHECK_FALSE(mail.is_junk());
}

TEST_CASE("a list that is trusted to have seen DMARC pass gets its mail through") {
  for (bool is_trusted : {true, false}) {
    Mail mail({"dmarc_policy_action=reject",
               is_trusted ? "arc_trusted_sealers=lists.example" : "arc_trusted_sealers=x.example"});
    mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
    auto key = SigningKey::make_ed25519();
    mail.dns.txt_record("s._domainkey.lists.example", dkim_key_record(key));
    DkimIdentity identity{"lists.example", "s", KeyKind::Ed25519};
    auto text = arc_sealed(identity, key, "Subject: [list] x\n" + letter, ArcStatus::None,
                           "lists.example; dmarc=pass header.from=example.org", 1'700'000'000);
    REQUIRE(text);
    std::erase(*text, '\r');
    CHECK(mail.send(*text, is_trusted ? "250" : "550 5.7.1") == "");
    if (!is_trusted) continue;
    CHECK_FALSE(mail.is_junk());
    CHECK(mail.results().find("arc=pass header.d=lists.example; dmarc=fail reason=\"a trusted ARC "
                              "sealer has seen it pass\"") != std::string::npos);
  }
}

TEST_CASE("a message that shows authors of several domains is put aside, whatever they publish") {
  for (const char* from : {"From: ann@example.org, eve@example.net\n",
                           "From: ann@example.org\nFrom: eve@example.net\n"}) {
    Mail mail({"dmarc_policy_action=reject"});
    CHECK(mail.send(from + std::string("\ntext\n")) == "");
    CHECK(mail.is_junk());
    CHECK(mail.results().find("dmarc=permerror") != std::string::npos);
  }
  Mail anonymous;
  CHECK(anonymous.send("Subject: x\n\ntext\n") == "");
  CHECK_FALSE(anonymous.is_junk());
}

TEST_CASE("mail of mynetworks and of those whose mail is checked elsewhere is left as it is") {
  for (const char* exempt :
       {"mynetworks=198.51.100.0/24", "mailauth_exempt_networks=192.0.2.1, 198.51.100.9"}) {
    Mail mail({exempt, "dmarc_policy_action=reject"});
    mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
    std::string text = "Authentication-Results: mail.example.com; dkim=pass\n" + letter;
    CHECK(mail.send(text) == "");
    auto content = mail.stage.backend.content();
    CHECK(content.find("\nAuthentication-Results: mail.example.com; dkim=pass\n") !=
          std::string::npos);
    CHECK(content.find("spf=") == std::string::npos);
  }
}

TEST_CASE("a user's mail is not checked, but can't bear results of ours") {
  Mail mail(
      {"dmarc_policy_action=reject", "smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  mail.dns.txt_record("_dmarc.example.org", "v=DMARC1; p=reject");
  std::string text = "Authentication-Results: mail.example.com; dkim=pass\n" + letter;
  CHECK(
      mail.stage.run("S~ 220\nC: EHLO c.example\nS* 250\nC: AUTH PLAIN AGJvYgBzZWNyZXQ=\nS~ 235\n" +
                     Mail::script(text, "250")) == "");
  CHECK(mail.stage.backend.content().find("Authentication-Results") == std::string::npos);
}

TEST_CASE("a name of one's own is shown instead of the host's") {
  Mail mail({"authserv_id=example.com", "mailauth_checks=spf"});
  CHECK(mail.send("Authentication-Results: example.com; spf=pass\n" + letter) == "");
  auto content = mail.stage.backend.content();
  CHECK(content.starts_with("Authentication-Results: example.com;\n spf=none"));
  CHECK(content.find("spf=pass") == std::string::npos);
}

TEST_CASE("what was checked of one message is forgotten with it") {
  Mail mail;
  std::string dialogue = "S~ 220\nC: EHLO c.example\nS* 250\n";
  dialogue +=
      "C: MAIL FROM:<eve@example.net>\nS~ 250\nC: RCPT TO:<bob@example.com>\nS~ 250\n"
      "C: BDAT 4\nC> From\nS~ 250\nC: RSET\nS~ 250\n";
  mail.dns.txt_record("example.org", spf_pass);
  CHECK(mail.stage.run(dialogue + Mail::script(letter, "250")) == "");
  CHECK(mail.results().find("spf=pass smtp.mailfrom=ann@example.org") != std::string::npos);
}

TEST_CASE("what DMARC says of a message is noted for a domain that wants reports") {
  Mail mail({"dmarc_reports=yes"});
  mail.dns.txt_record("example.org", spf_pass);
  mail.dns.txt_record("_dmarc.example.org",
                      "v=DMARC1; p=reject; adkim=s; rua=mailto:d@example.org");
  CHECK(mail.send(signed_letter(mail.dns, "example.org")) == "");
  REQUIRE(mail.stage.backend.evaluations.size() == 1);
  const auto& [policy, row] = mail.stage.backend.evaluations[0];
  CHECK(policy.domain == "example.org");
  CHECK(policy.policy == "reject");
  CHECK(policy.adkim == "s");
  CHECK(row.count == 1);
  CHECK(row.source_ip == "198.51.100.9");
  CHECK(row.disposition == "none");
  CHECK(row.dkim_aligned);
  CHECK(row.spf_aligned);
  CHECK(row.reasons.empty());
  CHECK(row.header_from == "example.org");
  CHECK(row.envelope_from == "example.org");
  CHECK(row.dkim == std::vector<DmarcReportRow::Dkim>{{"example.org", "sel", "pass"}});
  CHECK(row.spf == std::vector<DmarcReportRow::Spf>{{"example.org", "mfrom", "pass"}});
}

TEST_CASE("a report says what was done with mail that fails, and why it is not what was asked") {
  auto row_of = [](const std::string& record, const std::string& action) {
    Mail mail({"dmarc_reports=yes", "dmarc_policy_action=" + action});
    mail.dns.txt_record("_dmarc.example.org", record + "; rua=mailto:d@example.org");
    CHECK(mail.send(letter, action == "reject" ? "550" : "250") == "");
    REQUIRE(mail.stage.backend.evaluations.size() == 1);
    const auto& row = mail.stage.backend.evaluations[0].row;
    CHECK_FALSE(row.passes());
    std::string text = row.disposition;
    for (const auto& reason : row.reasons) text += " " + reason.type;
    return text;
  };
  CHECK(row_of("v=DMARC1; p=reject", "reject") == "reject");
  CHECK(row_of("v=DMARC1; p=reject", "quarantine") == "quarantine local_policy");
  CHECK(row_of("v=DMARC1; p=quarantine", "none") == "none local_policy");
  CHECK(row_of("v=DMARC1; p=quarantine; pct=0", "quarantine") == "none sampled_out");
  CHECK(row_of("v=DMARC1; p=none", "quarantine") == "none");
}

TEST_CASE("nothing is noted where no reports are wanted or sent, or DMARC has no verdict") {
  auto noted = [](const std::string& setting, const std::string& record, bool answers = true) {
    Mail mail({"dmarc_reports=" + setting});
    mail.dns.txt_record("_dmarc.example.org", record);
    if (!answers) mail.dns.try_later("example.org", DnsType::Txt);
    CHECK(mail.send(letter) == "");
    return mail.stage.backend.evaluations.size();
  };
  const std::string wanted = "v=DMARC1; p=none; rua=mailto:d@example.org";
  CHECK(noted("yes", wanted) == 1);
  CHECK(noted("no", wanted) == 0);
  CHECK(noted("yes", "v=DMARC1; p=none") == 0);
  CHECK(noted("yes", wanted, false) == 0);
}
