#include "smtpd/reports/evaluations.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/day.h"
#include "common/base/file.h"
#include "common/base/percent.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

std::string atom(std::string_view text) { return percent_encode(text, ".:@+-_"); }

/// ` name=a/b/c`
template <class... Parts>
void add_item(std::string& line, std::string_view name, const Parts&... parts) {
  add(line, ' ', name, '=');
  std::string_view between;
  ((add(line, between, atom(parts)), between = "/"), ...);
}

/// Sets the parts of an item; false if their number is another one.
template <class... Parts>
bool take_item(std::string_view item, Parts&... parts) {
  auto texts = split(item, '/');
  if (texts.size() != sizeof...(parts)) return false;
  bool is_good = true;
  std::size_t next = 0;
  auto take = [&](std::string& part) {
    auto text = percent_decode(texts[next++]);
    is_good = is_good && text;
    if (text) part = *std::move(text);
  };
  (take(parts), ...);
  return is_good;
}

bool take_item(KeptEvaluation& into, std::string_view name, std::string_view item) {
  auto& row = into.row;
  if (name == "policy") {
    auto& policy = into.policy;
    return take_item(item, policy.domain, policy.adkim, policy.aspf, policy.policy,
                     policy.subdomains, policy.percent, policy.failure_options);
  }
  if (name == "reason") {
    auto& reason = row.reasons.emplace_back();
    return take_item(item, reason.type, reason.comment);
  }
  if (name == "dkim") {
    auto& one = row.dkim.emplace_back();
    return take_item(item, one.domain, one.selector, one.result);
  }
  if (name == "spf") {
    auto& one = row.spf.emplace_back();
    return take_item(item, one.domain, one.scope, one.result);
  }
  return false;
}

/// Only what cannot lead out of the directory.
bool is_file_name(std::string_view domain) {
  return !domain.empty() && domain.size() <= 253 && domain.front() != '.' &&
         std::ranges::all_of(domain, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
         });
}

/// The evaluations in a file's lines.
std::vector<KeptEvaluation> evaluations_in(std::string_view text) {
  std::vector<KeptEvaluation> all;
  for (auto line : split(text, '\n')) {
    if (auto one = KeptEvaluation::parse(line)) all.push_back(*std::move(one));
  }
  return all;
}

Error full(std::string what) { return Error(452, "4.3.1", std::move(what)); }

}  // namespace

std::string KeptEvaluation::line() const {
  std::string line = std::to_string(row.count);
  std::string_view passes[] = {"fail", "pass"};
  add(line, ' ', atom(row.source_ip), ' ', atom(row.disposition), ' ', passes[row.dkim_aligned],
      ' ', passes[row.spf_aligned], ' ', atom(row.header_from), ' ', atom(row.envelope_from));
  add_item(line, "policy", policy.domain, policy.adkim, policy.aspf, policy.policy,
           policy.subdomains, policy.percent, policy.failure_options);
  for (const auto& one : row.reasons) add_item(line, "reason", one.type, one.comment);
  for (const auto& one : row.dkim) add_item(line, "dkim", one.domain, one.selector, one.result);
  for (const auto& one : row.spf) add_item(line, "spf", one.domain, one.scope, one.result);
  return line + "\n";
}

std::optional<KeptEvaluation> KeptEvaluation::parse(std::string_view line) {
  constexpr std::size_t fixed = 7;
  auto parts = split(line, ' ');
  if (parts.size() <= fixed) return {};
  KeptEvaluation made;
  auto count = parse_number(parts[0]);
  std::string dkim;
  std::string spf;
  std::string* texts[] = {&made.row.source_ip,   &made.row.disposition,  &dkim, &spf,
                          &made.row.header_from, &made.row.envelope_from};
  for (std::size_t i = 1; i < fixed; ++i) {
    auto text = percent_decode(parts[i]);
    if (!text) return {};
    *texts[i - 1] = *std::move(text);
  }
  if (!count || *count == 0) return {};
  made.row.count = *count;
  made.row.dkim_aligned = dkim == "pass";
  made.row.spf_aligned = spf == "pass";
  for (std::size_t i = fixed; i < parts.size(); ++i) {
    auto mark = parts[i].find('=');
    if (mark == std::string_view::npos) return {};
    if (!take_item(made, parts[i].substr(0, mark), parts[i].substr(mark + 1))) return {};
  }
  if (made.policy.domain.empty()) return {};
  return made;
}

Result<void> Evaluations::add(const KeptEvaluation& evaluation, std::int64_t now_seconds) {
  const std::string& domain = evaluation.policy.domain;
  if (!is_file_name(domain)) {
    return Error(501, "\"" + printable(domain, 300) + "\" is no domain in lower case");
  }
  std::lock_guard guard(mutex_);
  TRY_DO(begin(day_of(now_seconds)));
  if (full_.contains(domain)) return full("no more is kept of " + domain + " today");
  bool is_new = !sizes_.contains(domain);
  if (is_new && sizes_.size() >= evaluation_domains_max) {
    return full("DMARC results of " + std::to_string(evaluation_domains_max) +
                " domains are kept today; those of further ones are not reported");
  }
  auto line = evaluation.line();
  if (bytes_ + line.size() > evaluations_bytes_max) {
    return full(directory_ + " holds " + std::to_string(evaluations_bytes_max) +
                " bytes; further DMARC results are not reported");
  }
  auto path = path_of({day_, domain});
  auto& size = sizes_[domain];
  if (size + line.size() > evaluation_file_bytes_max) {
    TRY(auto left, shrink(path));
    bytes_ -= std::min(bytes_, size - std::min(size, left));
    size = left;
    // Otherwise each of the next ones would have it made smaller again.
    if (size > evaluation_file_bytes_max / 2) {
      full_.insert(domain);
      return full("the DMARC results of " + domain + " fill " + path +
                  "; further ones of today are not reported");
    }
  }
  TRY(auto file, open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
  TRY_DO(write_all(file.number(), line, path));
  size += line.size();
  bytes_ += line.size();
  return {};
}

/// At the first row of a day: what is there already, of that day and of others.
Result<void> Evaluations::begin(const std::string& day) {
  if (day == day_) return {};
  TRY_DO(make_directory(directory_));
  TRY_DO(make_directory(directory_ + "/" + day));
  sizes_.clear();
  full_.clear();
  bytes_ = 0;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(directory_, problem), end; !problem && at != end;
       at.increment(problem)) {
    std::error_code none;
    if (!at->is_regular_file(none)) continue;
    auto size = at->file_size(none);
    if (none) continue;
    bytes_ += size;
    if (at->path().parent_path().filename() == day) sizes_[at->path().filename()] = size;
  }
  if (problem) return file_error("read", directory_, problem.value());
  day_ = day;
  return {};
}

/// Makes one line of those that are the same but for their count. Returns the file's new size.
Result<std::uint64_t> Evaluations::shrink(const std::string& path) const {
  TRY(auto text, read_file(path, 2 * evaluation_file_bytes_max));
  auto all = evaluations_in(text.value_or(""));
  std::string shorter;
  std::vector<DmarcReportRow> rows;
  for (std::size_t i = 0; i < all.size(); ++i) {
    rows.push_back(std::move(all[i].row));
    // Lines under another policy stay apart, and in their order.
    if (i + 1 < all.size() && all[i + 1].policy == all[i].policy) continue;
    merge_rows(rows);
    for (auto& row : rows) shorter += KeptEvaluation{all[i].policy, std::move(row)}.line();
    rows.clear();
  }
  auto beside = fs::path(path).parent_path().string() + "/.new";
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY_DO(write_all(file.number(), shorter, beside));
  TRY_DO(sync_file(file.number(), beside));
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename", beside);
  return shorter.size();
}

Result<std::vector<Evaluations::Collection>> Evaluations::closed(std::int64_t now_seconds) const {
  std::lock_guard guard(mutex_);
  std::vector<Collection> found;
  std::error_code problem;
  const auto today = day_of(now_seconds);
  for (const auto& day : fs::directory_iterator(directory_, problem)) {
    std::string name = day.path().filename();
    if (!begin_of_day(name) || name >= today) continue;
    std::error_code none;
    for (const auto& file : fs::directory_iterator(day.path(), none)) {
      std::string domain = file.path().filename();
      if (is_file_name(domain)) found.push_back({name, std::move(domain)});
    }
  }
  bool is_there = problem != std::errc::no_such_file_or_directory;
  if (problem && is_there) return file_error("read", directory_, problem.value());
  std::ranges::sort(found, {}, [](const Collection& one) { return one.day + " " + one.domain; });
  return found;
}

Result<std::optional<DmarcReport>> Evaluations::read(const Collection& collection) const {
  std::lock_guard guard(mutex_);
  std::optional<DmarcReport> report;
  TRY(auto text, read_file(path_of(collection), 2 * evaluation_file_bytes_max));
  auto all = evaluations_in(text.value_or(""));
  if (all.empty()) return report;
  report.emplace();
  report->begin = begin_of_day(collection.day).value_or(0);
  report->end = report->begin + seconds_of_day - 1;
  report->policy = all.back().policy;
  for (auto& one : all) report->rows.push_back(std::move(one.row));
  merge_rows(report->rows);
  return report;
}

Result<void> Evaluations::drop(const Collection& collection) {
  std::lock_guard guard(mutex_);
  auto path = path_of(collection);
  std::error_code none;
  auto size = fs::file_size(path, none);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path);
  if (!none) bytes_ -= std::min<std::uint64_t>(bytes_, size);
  auto day = directory_ + "/" + collection.day;
  ::unlink((day + "/.new").c_str());
  ::rmdir(day.c_str());  // if it was the last
  return {};
}

std::string Evaluations::path_of(const Collection& collection) const {
  return directory_ + "/" + collection.day + "/" + collection.domain;
}

}  // namespace pennypost::smtp
