// A DMARC aggregate report: how much mail in a domain's name came from where, and what was found
// out about it.
//
// STANDARDS  RFC 7489 section 7.2 and appendix C
// SEE ALSO   dmarc_report_parser.h (reports of others), dmarc.h (which makes the rows)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/mailauth/dmarc_record.h"

namespace pennypost {

/// Mail of one kind: from one address, with one outcome.
struct DmarcReportRow {
  struct Reason {
    std::string type;  // why the policy was not applied: `sampled_out`, `trusted_forwarder`, ...
    std::string comment;
    template <class Archive>
    void fields(Archive& archive) {
      archive(type, comment);
    }
    friend bool operator==(const Reason&, const Reason&) = default;
  };
  struct Dkim {
    std::string domain;
    std::string selector;
    std::string result;
    template <class Archive>
    void fields(Archive& archive) {
      archive(domain, selector, result);
    }
    friend bool operator==(const Dkim&, const Dkim&) = default;
  };
  struct Spf {
    std::string domain;
    std::string scope;  // `mfrom` or `helo`
    std::string result;
    template <class Archive>
    void fields(Archive& archive) {
      archive(domain, scope, result);
    }
    friend bool operator==(const Spf&, const Spf&) = default;
  };

  std::uint64_t count = 1;  // messages
  std::string source_ip;
  std::string disposition = "none";  // none, quarantine, reject: what was done
  bool dkim_aligned = false;
  bool spf_aligned = false;
  std::vector<Reason> reasons;
  std::string header_from;    // the author's domain
  std::string envelope_from;  // the sender's domain; empty: the null sender
  std::vector<Dkim> dkim;
  std::vector<Spf> spf;

  bool passes() const { return dkim_aligned || spf_aligned; }
  template <class Archive>
  void fields(Archive& archive) {
    archive(count, source_ip, disposition, dkim_aligned, spf_aligned, reasons, header_from,
            envelope_from, dkim, spf);
  }
  friend bool operator==(const DmarcReportRow&, const DmarcReportRow&) = default;
};

/// What the domain had published, in the words of its record.
struct DmarcReportPolicy {
  std::string domain;  // where the record was found
  std::string adkim = "r";
  std::string aspf = "r";
  std::string policy = "none";      // p=
  std::string subdomains = "none";  // sp=
  std::string percent = "100";      // pct=
  std::string failure_options = "0";

  static DmarcReportPolicy of(const std::string& domain, const DmarcRecord& record);
  template <class Archive>
  void fields(Archive& archive) {
    archive(domain, adkim, aspf, policy, subdomains, percent, failure_options);
  }
  friend bool operator==(const DmarcReportPolicy&, const DmarcReportPolicy&) = default;
};

struct DmarcReport {
  std::string organization;  // who reports
  std::string email;         // of it
  std::string report_id;
  std::int64_t begin = 0;  // seconds since 1970
  std::int64_t end = 0;    // the last one
  DmarcReportPolicy policy;
  std::vector<DmarcReportRow> rows;
};

/// The report as XML, in UTF-8. Octets that XML does not allow become `?`.
std::string dmarc_report_xml(const DmarcReport& report);

/// Makes one row of all that differ by their count alone; they are in another order then.
void merge_rows(std::vector<DmarcReportRow>& rows);

}  // namespace pennypost
