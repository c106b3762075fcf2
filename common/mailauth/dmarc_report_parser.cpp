#include "common/mailauth/dmarc_report_parser.h"

#include <expat.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/base/text.h"

namespace pennypost {
namespace {

/// A value in the report, by the names of the elements around it.
struct Value {
  std::string_view path;
  void (*set)(DmarcReport& report, std::string value);
};

std::int64_t seconds_of(std::string_view text) {
  auto number = parse_number(text);
  bool fits = number && *number < (std::uint64_t{1} << 40);
  return fits ? static_cast<std::int64_t>(*number) : 0;
}

/// A count that no sum over all rows of all reports can carry over.
std::uint64_t count_of(std::string_view text) {
  return std::min<std::uint64_t>(parse_number(text).value_or(0), 1'000'000'000'000);
}

DmarcReportRow& row(DmarcReport& report) { return report.rows.back(); }

constexpr Value values[] = {
    {"/feedback/report_metadata/org_name",
     [](DmarcReport& to, std::string value) { to.organization = std::move(value); }},
    {"/feedback/report_metadata/email",
     [](DmarcReport& to, std::string value) { to.email = std::move(value); }},
    {"/feedback/report_metadata/report_id",
     [](DmarcReport& to, std::string value) { to.report_id = std::move(value); }},
    {"/feedback/report_metadata/date_range/begin",
     [](DmarcReport& to, std::string value) { to.begin = seconds_of(value); }},
    {"/feedback/report_metadata/date_range/end",
     [](DmarcReport& to, std::string value) { to.end = seconds_of(value); }},
    {"/feedback/policy_published/domain",
     [](DmarcReport& to, std::string value) { to.policy.domain = lower(value); }},
    {"/feedback/policy_published/adkim",
     [](DmarcReport& to, std::string value) { to.policy.adkim = lower(value); }},
    {"/feedback/policy_published/aspf",
     [](DmarcReport& to, std::string value) { to.policy.aspf = lower(value); }},
    {"/feedback/policy_published/p",
     [](DmarcReport& to, std::string value) { to.policy.policy = lower(value); }},
    {"/feedback/policy_published/sp",
     [](DmarcReport& to, std::string value) { to.policy.subdomains = lower(value); }},
    {"/feedback/policy_published/pct",
     [](DmarcReport& to, std::string value) { to.policy.percent = std::move(value); }},
    {"/feedback/policy_published/fo",
     [](DmarcReport& to, std::string value) { to.policy.failure_options = std::move(value); }},
    {"/feedback/record/row/source_ip",
     [](DmarcReport& to, std::string value) { row(to).source_ip = std::move(value); }},
    {"/feedback/record/row/count",
     [](DmarcReport& to, std::string value) { row(to).count = count_of(value); }},
    {"/feedback/record/row/policy_evaluated/disposition",
     [](DmarcReport& to, std::string value) { row(to).disposition = lower(value); }},
    {"/feedback/record/row/policy_evaluated/dkim",
     [](DmarcReport& to, std::string value) { row(to).dkim_aligned = lower(value) == "pass"; }},
    {"/feedback/record/row/policy_evaluated/spf",
     [](DmarcReport& to, std::string value) { row(to).spf_aligned = lower(value) == "pass"; }},
    {"/feedback/record/row/policy_evaluated/reason/type",
     [](DmarcReport& to, std::string value) { row(to).reasons.back().type = std::move(value); }},
    {"/feedback/record/row/policy_evaluated/reason/comment",
     [](DmarcReport& to, std::string value) { row(to).reasons.back().comment = std::move(value); }},
    {"/feedback/record/identifiers/header_from",
     [](DmarcReport& to, std::string value) { row(to).header_from = lower(value); }},
    {"/feedback/record/identifiers/envelope_from",
     [](DmarcReport& to, std::string value) { row(to).envelope_from = lower(value); }},
    {"/feedback/record/auth_results/dkim/domain",
     [](DmarcReport& to, std::string value) { row(to).dkim.back().domain = lower(value); }},
    {"/feedback/record/auth_results/dkim/selector",
     [](DmarcReport& to, std::string value) { row(to).dkim.back().selector = std::move(value); }},
    {"/feedback/record/auth_results/dkim/result",
     [](DmarcReport& to, std::string value) { row(to).dkim.back().result = lower(value); }},
    {"/feedback/record/auth_results/spf/domain",
     [](DmarcReport& to, std::string value) { row(to).spf.back().domain = lower(value); }},
    {"/feedback/record/auth_results/spf/scope",
     [](DmarcReport& to, std::string value) { row(to).spf.back().scope = lower(value); }},
    {"/feedback/record/auth_results/spf/result",
     [](DmarcReport& to, std::string value) { row(to).spf.back().result = lower(value); }},
};

class Parser {
 public:
  Parser() : parser_(XML_ParserCreate(nullptr), &XML_ParserFree) {
    ASSERT(parser_ != nullptr);
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const XML_Char* name, const XML_Char**) {
          static_cast<Parser*>(self)->begin(name);
        },
        [](void* self, const XML_Char*) { static_cast<Parser*>(self)->end(); });
    XML_SetCharacterDataHandler(parser_.get(), [](void* self, const XML_Char* text, int bytes) {
      static_cast<Parser*>(self)->add_text({text, static_cast<std::size_t>(bytes)});
    });
    XML_SetStartDoctypeDeclHandler(
        parser_.get(), [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
          static_cast<Parser*>(self)->stop("it has a document type declaration");
        });
  }

  Result<DmarcReport> parse(std::string_view xml) {
    if (xml.size() > dmarc_report_bytes_max) {
      return Error::permanent("the report has more than " + std::to_string(dmarc_report_bytes_max) +
                              " bytes");
    }
    auto status = XML_Parse(parser_.get(), xml.data(), static_cast<int>(xml.size()), 1);
    if (status != XML_STATUS_OK) {
      if (problem_.empty()) problem_ = XML_ErrorString(XML_GetErrorCode(parser_.get()));
      return Error::permanent("line " + std::to_string(XML_GetCurrentLineNumber(parser_.get())) +
                              ": " + problem_);
    }
    if (report_.policy.domain.empty()) {
      return Error::permanent("it is no DMARC report: it has no policy_published with a domain");
    }
    return std::move(report_);
  }

 private:
  void stop(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  void begin(std::string_view name) {
    if (depths_.size() == dmarc_report_depth_max) {
      return stop("elements are nested more than " + std::to_string(dmarc_report_depth_max) +
                  " deep");
    }
    depths_.push_back(path_.size());
    // A prefix stands for a namespace.
    add(path_, '/', name.substr(name.rfind(':') + 1).substr(0, 40));
    text_.clear();
    if (path_ == "/feedback/record") add_row();
    if (report_.rows.empty()) return;
    if (path_ == "/feedback/record/auth_results/dkim") add_to(row(report_).dkim);
    if (path_ == "/feedback/record/auth_results/spf") add_to(row(report_).spf);
    if (path_ == "/feedback/record/row/policy_evaluated/reason") add_to(row(report_).reasons);
  }
  void add_row() {
    if (report_.rows.size() == dmarc_report_rows_max) {
      return stop("it has more than " + std::to_string(dmarc_report_rows_max) + " records");
    }
    report_.rows.emplace_back();
  }
  template <class T>
  void add_to(std::vector<T>& list) {
    if (list.size() == dmarc_report_results_max) return stop("a record has too many results");
    list.emplace_back();
  }

  void end() {
    auto value = std::ranges::find(values, path_, &Value::path);
    if (value != std::end(values) && problem_.empty()) {
      value->set(report_, printable(trim(text_), dmarc_report_value_max));
    }
    text_.clear();
    path_.resize(depths_.back());
    depths_.pop_back();
  }

  void add_text(std::string_view text) {
    text_ +=
        text.substr(0, dmarc_report_value_max - std::min(dmarc_report_value_max, text_.size()));
  }

  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
  DmarcReport report_;
  std::string path_;
  std::vector<std::size_t> depths_;  // the lengths of path_ at the elements around
  std::string text_;
  std::string problem_;
};

}  // namespace

Result<DmarcReport> parse_dmarc_report(std::string_view xml) { return Parser().parse(xml); }

}  // namespace pennypost
