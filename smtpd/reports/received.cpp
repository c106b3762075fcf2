#include "smtpd/reports/received.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/mail/archive.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mailauth/dmarc_report_parser.h"

namespace pennypost::smtp {
namespace {

bool is_xml(std::string_view text) { return trim(text.substr(0, 100)).starts_with('<'); }
bool is_json(std::string_view text) { return trim(text.substr(0, 100)).starts_with('{'); }

/// Without the mark of UTF-8 that some put in front.
std::string_view without_mark(std::string_view text) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  return text;
}

void add_leaves(const MimePart& part, std::vector<const MimePart*>& leaves) {
  if (part.kind == MimePart::Kind::Leaf) leaves.push_back(&part);
  for (const auto& child : part.children) add_leaves(child, leaves);
}

}  // namespace

bool looks_like_report(std::string_view bytes) {
  return is_gzip(bytes) || is_zip(bytes) || is_xml(without_mark(bytes)) ||
         is_json(without_mark(bytes));
}

/// RFC 7489 section 7.2.1.1 and RFC 8460 section 5.3 agree on the words of the subject.
bool ReceivedReports::may_have_one(std::string_view header) {
  HeaderFields fields(header);
  auto subject = fields.value("Subject");
  if (subject && find_nocase(decode_words(*subject), "report domain:") != std::string::npos) {
    return true;
  }
  auto type = fields.value("Content-Type");
  return fields.has("TLS-Report-Domain") ||
         (type && find_nocase(*type, "report-type") != std::string::npos &&
          find_nocase(*type, "tlsrpt") != std::string::npos);
}

Result<void> ReceivedReports::take_message(std::string_view message) {
  auto root = parse_mime(message);
  std::vector<const MimePart*> leaves;
  add_leaves(root, leaves);
  bool has_one = false;
  for (const auto* part : leaves) {
    // The words for people, in which a report would be found by accident only.
    bool is_words = part->is("text", "plain") || part->is("text", "html");
    if (is_words) continue;
    auto body = message.substr(part->body.offset, part->body.bytes);
    auto bytes = decode_body(part->transfer_encoding(), body);
    if (!looks_like_report(bytes)) continue;
    TRY_DO(take_file(bytes));
    has_one = true;
  }
  if (!has_one) return Error::permanent("it has no report in gzip, zip, XML or JSON");
  return {};
}

Result<void> ReceivedReports::take_file(std::string_view bytes) {
  if (is_gzip(bytes)) {
    TRY(auto text, gunzip(bytes, dmarc_report_bytes_max));
    return take_unpacked(text);
  }
  if (!is_zip(bytes)) return take_unpacked(bytes);
  TRY(auto files, unzip(bytes, dmarc_report_bytes_max));
  for (const auto& text : files) {
    TRY_DO(take_unpacked(text));
  }
  return {};
}

Result<void> ReceivedReports::take_unpacked(std::string_view text) {
  if (dmarc_.size() + tls_.size() >= received_reports_max) {
    return Error::permanent("more than " + std::to_string(received_reports_max) + " reports");
  }
  text = without_mark(text);
  if (is_json(text)) {
    TRY(auto report, parse_tls_report(text));
    if (is_new(report.organization, report.report_id)) tls_.push_back(std::move(report));
    return {};
  }
  TRY(auto report, parse_dmarc_report(text));
  if (is_new(report.organization, report.report_id)) dmarc_.push_back(std::move(report));
  return {};
}

/// A report without an id can't be known again.
bool ReceivedReports::is_new(const std::string& organization, const std::string& report_id) {
  return report_id.empty() || known_.insert(organization + "\n" + report_id).second;
}

}  // namespace pennypost::smtp
