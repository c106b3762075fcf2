#include "common/mailauth/dmarc_report.h"

#include <map>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "common/base/wire.h"

namespace pennypost {
namespace {

constexpr std::size_t text_bytes_max = 1000;  // of one value

/// Writes elements, two blanks further in for each level.
class XmlWriter {
 public:
  void open(std::string_view name) {
    indent();
    add(text_, '<', name, ">\n");
    open_.push_back(name);
  }
  void close() {
    auto name = open_.back();
    open_.pop_back();
    indent();
    add(text_, "</", name, ">\n");
  }
  void value(std::string_view name, std::string_view text) {
    indent();
    add(text_, '<', name, '>');
    for (char c : printable(text, text_bytes_max)) put(c);
    add(text_, "</", name, ">\n");
  }
  std::string take() { return std::move(text_); }

 private:
  void indent() { text_.append(2 * open_.size(), ' '); }
  void put(char c) {
    switch (c) {
      case '&':
        text_ += "&amp;";
        break;
      case '<':
        text_ += "&lt;";
        break;
      case '>':
        text_ += "&gt;";
        break;
      default:
        text_ += c;
    }
  }
  std::string text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  std::vector<std::string_view> open_;
};

std::string_view word(bool passes) { return passes ? "pass" : "fail"; }

void write(XmlWriter& xml, const DmarcReportPolicy& policy) {
  xml.open("policy_published");
  xml.value("domain", policy.domain);
  xml.value("adkim", policy.adkim);
  xml.value("aspf", policy.aspf);
  xml.value("p", policy.policy);
  xml.value("sp", policy.subdomains);
  xml.value("pct", policy.percent);
  xml.value("fo", policy.failure_options);
  xml.close();
}

void write(XmlWriter& xml, const DmarcReportRow& row) {
  xml.open("record");
  xml.open("row");
  xml.value("source_ip", row.source_ip);
  xml.value("count", std::to_string(row.count));
  xml.open("policy_evaluated");
  xml.value("disposition", row.disposition);
  xml.value("dkim", word(row.dkim_aligned));
  xml.value("spf", word(row.spf_aligned));
  for (const auto& reason : row.reasons) {
    xml.open("reason");
    xml.value("type", reason.type);
    if (!reason.comment.empty()) xml.value("comment", reason.comment);
    xml.close();
  }
  xml.close();
  xml.close();
  xml.open("identifiers");
  xml.value("envelope_from", row.envelope_from);
  xml.value("header_from", row.header_from);
  xml.close();
  xml.open("auth_results");
  for (const auto& one : row.dkim) {
    xml.open("dkim");
    xml.value("domain", one.domain);
    if (!one.selector.empty()) xml.value("selector", one.selector);
    xml.value("result", one.result);
    xml.close();
  }
  for (const auto& one : row.spf) {
    xml.open("spf");
    xml.value("domain", one.domain);
    xml.value("scope", one.scope);
    xml.value("result", one.result);
    xml.close();
  }
  xml.close();
  xml.close();
}

}  // namespace

DmarcReportPolicy DmarcReportPolicy::of(const std::string& domain, const DmarcRecord& record) {
  DmarcReportPolicy policy;
  policy.domain = domain;
  policy.adkim = record.strict_dkim ? "s" : "r";
  policy.aspf = record.strict_spf ? "s" : "r";
  policy.policy = name_of(record.policy);
  policy.subdomains = name_of(record.subdomains.value_or(record.policy));
  policy.percent = std::to_string(record.percent);
  policy.failure_options = record.failure_options;
  return policy;
}

std::string dmarc_report_xml(const DmarcReport& report) {
  XmlWriter xml;
  xml.open("feedback");
  xml.value("version", "1.0");
  xml.open("report_metadata");
  xml.value("org_name", report.organization);
  xml.value("email", report.email);
  xml.value("report_id", report.report_id);
  xml.open("date_range");
  xml.value("begin", std::to_string(report.begin));
  xml.value("end", std::to_string(report.end));
  xml.close();
  xml.close();
  write(xml, report.policy);
  for (const auto& row : report.rows) write(xml, row);
  xml.close();
  return xml.take();
}

void merge_rows(std::vector<DmarcReportRow>& rows) {
  std::map<std::string, DmarcReportRow> merged;
  for (auto& row : rows) {
    auto count = std::exchange(row.count, 0);
    auto key = wire::encode(row);
    auto [kept, is_new] = merged.try_emplace(std::move(key), std::move(row));
    kept->second.count += count;
  }
  rows.clear();
  for (auto& [key, row] : merged) rows.push_back(std::move(row));
}

}  // namespace pennypost
