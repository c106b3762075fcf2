#include "common/mail/fixups.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/mail/address_list.h"
#include "common/mail/encoded.h"

namespace pennypost {
namespace {

constexpr std::size_t received_bytes_usual = 300;

/// A name from outside, safe for Received: characters with a meaning there become `?`.
std::string shown_name(std::string_view text) {
  std::string out(text.substr(0, domain_bytes_max));
  for (char& c : out) {
    if (!is_alnum(c) && std::string_view(".-_:[]").find(c) == std::string_view::npos) c = '?';
  }
  return out.empty() ? "unknown" : out;
}

/// Text within a comment (RFC 5322 section 3.2.2).
std::string comment_text(std::string_view text) {
  auto out = printable(text, domain_bytes_max);
  for (char& c : out) {
    if (c == '(' || c == ')' || c == '\\' || !is_ascii(c)) c = '?';
  }
  return out;
}

/// As Postfix has it. What names the client and its authority is what they say.
void add_certificate(std::string& out, const ReceivedCertificate& certificate,
                     std::string_view fold) {
  if (!certificate.is_shown) {
    add(out, fold, "(Client did not present a certificate)");
    return;
  }
  std::string_view trust = certificate.is_trusted ? "verified OK" : "not verified";
  add(out, fold, "(Client CN \"", comment_text(certificate.name), "\", Issuer \"");
  add(out, comment_text(certificate.issuer), "\" (", trust, "))");
}

/// Adds `from HELO (NAME [ADDRESS])` and what is known of TLS and login, one line for each group.
void add_from_clause(std::string& out, const ReceivedTrace& trace, std::string_view fold) {
  std::string name = trace.client_name.empty() ? "unknown" : shown_name(trace.client_name);
  bool six = trace.client_address.find(':') != std::string::npos;
  add(out, "from ", shown_name(trace.helo), " (", name, six ? " [IPv6:" : " [");
  add(out, trace.client_address, "])");
  if (!trace.tls.empty()) add(out, fold, "(using ", trace.tls, ')');
  if (trace.certificate) add_certificate(out, *trace.certificate, fold);
  if (!trace.authenticated.empty()) {
    add(out, fold, "(Authenticated sender: ", comment_text(trace.authenticated), ')');
  }
  out += fold;
}

bool is_address_field(std::string_view name) {
  if (starts_with_nocase(name, "Resent-")) name.remove_prefix(7);
  constexpr std::string_view names[]{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"};
  return holds(names, name);
}

/// Only inserts what is missing, after the address as written.
std::optional<Edit> completing(const ListedAddress& one, std::size_t base,
                               const Completion& completion) {
  if (one.bare_end) {
    if (!completion.myorigin) return {};
    return Edit{base + *one.bare_end, 0, "@" + completion.myorigin->text()};
  }
  if (!one.host || !completion.mydomain) return {};
  auto address = one.address();
  auto whole = completion.complete(one);
  if (!address || !whole || *whole == *address) return {};
  return Edit{base + one.end, 0, "." + completion.mydomain->text()};
}

std::string from_body(const Submission& submission) {
  auto sender = submission.sender;
  if (sender.is_null()) {
    auto daemon = MailAddress::make("MAILER-DAEMON", {});
    sender = *daemon;
  }
  if (auto whole = submission.completion.complete(sender)) sender = *std::move(whole);
  if (submission.full_name.empty()) return sender.text();
  return phrase(submission.full_name) + " <" + sender.text() + ">";
}

}  // namespace

std::string ReceivedProtocol::text() const {
  std::string out = smtputf8 ? "UTF8SMTP" : esmtp || tls || authenticated ? "ESMTP" : "SMTP";
  if (lmtp) out = smtputf8 ? "UTF8LMTP" : "LMTP";
  if (tls) out += 'S';
  if (authenticated) out += 'A';
  return out;
}

std::string received_field(const ReceivedTrace& trace, std::string_view line_end) {
  auto fold = std::string(line_end) + "\t";
  std::string_view blank = " ";
  bool local = trace.client_address.empty();
  std::string out;
  out.reserve(received_bytes_usual);
  out += "Received: ";
  if (!local) add_from_clause(out, trace, fold);
  add(out, "by ", trace.by, " (", comment_text(trace.mail_name));
  if (!trace.userid.empty()) add(out, ", from userid ", comment_text(trace.userid));
  out += ')';
  if (!local) add(out, " with ", trace.protocol.text());
  add(out, local ? fold : blank, "id ", trace.queue_id);
  if (trace.recipient) add(out, fold, "for <", *trace.recipient, '>');
  add(out, ';', trace.recipient ? blank : fold, format_date(trace.date), line_end);
  return out;
}

std::vector<Edit> submission_edits(std::string_view header, const Submission& submission) {
  std::vector<HeaderField> fields;
  for (const auto& field : HeaderFields(header)) fields.push_back(field);
  bool is_resent = std::ranges::any_of(
      fields, [](const HeaderField& field) { return starts_with_nocase(field.name, "Resent-"); });
  std::string prefix = is_resent ? "Resent-" : "";
  std::string added;
  auto add_missing = [&](std::string_view what, const auto& make_body) {
    auto name = prefix + std::string(what);
    bool is_there =
        std::ranges::any_of(fields, [&](const HeaderField& field) { return field.is(name); });
    if (!is_there) added += make_field(name, make_body(), submission.line_end);
  };
  add_missing("Message-ID",
              [&] { return "<" + submission.unique + "@" + submission.myhostname + ">"; });
  add_missing("Date", [&] { return format_date(submission.date); });
  add_missing("From", [&] { return from_body(submission); });
  bool shows_recipient = std::ranges::any_of(fields, [](const HeaderField& field) {
    return field.is("To") || field.is("Cc") || field.is("Resent-To") || field.is("Resent-Cc");
  });
  if (!shows_recipient && !submission.no_recipients.empty()) {
    added += submission.no_recipients;
    added += submission.line_end;
  }
  std::vector<Edit> edits;
  if (!added.empty()) edits.push_back({0, 0, std::move(added)});
  if (submission.completion.is_off()) return edits;
  if (fields.size() > submission.fields_max) fields.resize(submission.fields_max);
  for (const auto& field : fields) {
    if (!is_address_field(field.name) || field.whole.size() > submission.field_bytes_max) continue;
    auto base = static_cast<std::size_t>(field.body.data() - header.data());
    for (const auto& one : parse_address_list(field.body)) {
      auto edit = completing(one, base, submission.completion);
      if (edit) edits.push_back(*std::move(edit));
    }
  }
  return edits;
}

HeaderRecipients recipients_in_header(std::string_view header, Utf8 utf8) {
  constexpr std::string_view names[]{"To", "Cc", "Bcc"};
  HeaderFields fields(header);
  bool resent = std::ranges::any_of(
      names, [&](auto name) { return fields.has("Resent-" + std::string(name)); });
  HeaderRecipients out;
  for (const auto& field : fields) {
    auto name = field.name;
    if (resent != starts_with_nocase(name, "Resent-")) continue;
    if (resent) name.remove_prefix(7);
    if (!holds(names, name)) continue;
    for (const auto& one : parse_address_list(field.body, BareWords::Addresses)) {
      bool is_null = one.mailbox && one.mailbox->empty() && !one.host;  // <>
      if (one.kind != ListedAddress::Kind::Mailbox || is_null) continue;
      auto address = one.address(utf8);
      if (!address) {
        out.refused.push_back(one.text());
      } else if (std::ranges::find(out.addresses, *address) == out.addresses.end()) {
        out.addresses.push_back(*std::move(address));
      }
    }
  }
  return out;
}

std::string phrase(std::string_view name) {
  auto clean = printable(trim(name));
  if (!is_ascii(clean)) return encode_words(clean);
  auto is_phrase = [](char c) { return is_atext(c) || c == ' '; };
  if (std::ranges::all_of(clean, is_phrase)) return clean;
  std::string out = "\"";
  for (char c : clean) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace pennypost
