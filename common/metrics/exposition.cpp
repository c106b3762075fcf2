#include "common/metrics/exposition.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "common/base/text.h"
#include "common/metrics/layout.h"

namespace pennypost::metrics {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr std::string_view name_prefix = "pennypost_";

/// A value between quotes; what a process wrote into the shared memory may be anything.
std::string label_value(std::string_view text) {
  std::string out;
  for (char c : printable(text, name_bytes_max)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string_view text_of(const std::array<char, name_bytes_max + 1>& name) {
  return {name.data(), static_cast<std::size_t>(std::ranges::find(name, '\0') - name.begin())};
}

/// `{daemon="smtpd",status="sent"}`; pairs with an empty name are left out.
std::string labels(std::string_view daemon,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string out = "{daemon=\"" + label_value(daemon) + "\"";
  for (const auto& [name, value] : pairs) {
    if (!name.empty()) out += "," + std::string(name) + "=\"" + label_value(value) + "\"";
  }
  return out + "}";
}

std::string seconds_text(std::uint64_t microseconds) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%llu.%06llu",
                static_cast<unsigned long long>(microseconds / 1'000'000),
                static_cast<unsigned long long>(microseconds % 1'000'000));
  std::string out = text.data();
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string family_name(const Row& row) {
  std::string name = std::string(name_prefix) + std::string(row.name);
  return row.type == Type::Histogram ? name + "_seconds" : name;
}

/// The lines before a family's samples.
void begin_family(std::string& out, std::string_view name, std::string_view type,
                  std::string_view unit, std::string_view help) {
  out.append("# TYPE ").append(name).append(" ").append(type) += '\n';
  if (!unit.empty()) out.append("# UNIT ").append(name).append(" ").append(unit) += '\n';
  out.append("# HELP ").append(name).append(" ").append(help) += '\n';
}

void add_sample(std::string& out, std::string_view name, std::string_view labels,
                std::string_view value) {
  out.append(name).append(labels).append(" ").append(value) += '\n';
}

std::int64_t gauge_sum(const Page& page, std::size_t cell) {
  std::int64_t sum = 0;
  for (const Slot& slot : page.slots) {
    if (slot.pid.load(relaxed) > 0) sum += slot.gauges[cell].load(relaxed);
  }
  return sum;
}

void add_histogram(std::string& out, const std::string& name, std::string_view daemon,
                   const Row& row, std::string_view first,
                   const std::atomic<std::uint64_t>* cells) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= bucket_bounds.size(); ++i) {
    count += cells[i].load(relaxed);
    bool is_last = i == bucket_bounds.size();
    std::string bound =
        is_last ? "+Inf" : seconds_text(static_cast<std::uint64_t>(bucket_bounds[i]));
    if (bound.find('.') == bound.npos && !is_last) bound += ".0";
    add_sample(out, name + "_bucket", labels(daemon, {{row.first_label, first}, {"le", bound}}),
               std::to_string(count));
  }
  auto own = labels(daemon, {{row.first_label, first}});
  add_sample(out, name + "_count", own, std::to_string(count));
  add_sample(out, name + "_sum", own, seconds_text(cells[histogram_cells - 1].load(relaxed)));
}

void add_row(std::string& out, const Row& row, std::size_t place, const DaemonFigures& of) {
  const Page& page = of.view.page();
  const std::string name = family_name(row);
  const auto second_count = count_values(row.second_values);
  for (std::size_t i = 0; i < count_values(row.first_values) * second_count; ++i) {
    auto first = value_at(row.first_values, i / second_count);
    auto second = value_at(row.second_values, i % second_count);
    auto own = labels(of.daemon, {{row.first_label, first}, {row.second_label, second}});
    if (row.type == Type::Histogram) {
      add_histogram(out, name, of.daemon, row, first, &page.counters[place + i * histogram_cells]);
    } else if (row.type == Type::Counter) {
      add_sample(out, name + "_total", own, std::to_string(page.counters[place + i].load(relaxed)));
    } else {
      add_sample(out, name, own, std::to_string(gauge_sum(page, place + i)));
    }
  }
}

bool has_row(const Row& row, std::string_view daemon) {
  for (auto name : words(row.daemons, " ")) {
    if (name == daemon) return true;
  }
  return false;
}

/// A family of what is known without counting.
struct KnownFamily {
  std::string_view name;
  std::string_view type;
  std::string_view unit;
  std::string_view help;
  void (*add)(std::string& out, std::string_view name, const DaemonFigures& of);
};

void add_processes(std::string& out, std::string_view name, const DaemonFigures& of) {
  std::map<std::string, std::uint64_t> counts;
  for (const Slot& slot : of.view.page().slots) {
    if (slot.pid.load(relaxed) > 0) ++counts[std::string(text_of(slot.kind))];
  }
  for (const auto& [kind, count] : counts) {
    add_sample(out, name, labels(of.daemon, {{"process", kind}}), std::to_string(count));
  }
}

void add_memory(std::string& out, std::string_view name, const DaemonFigures& of) {
  for (const Slot& slot : of.view.page().slots) {
    auto pid = slot.pid.load(relaxed);
    auto bytes = slot.resident.load(relaxed);
    if (pid <= 0 || bytes == 0) continue;
    auto own = labels(of.daemon, {{"process", text_of(slot.kind)}, {"pid", std::to_string(pid)}});
    add_sample(out, name, own, std::to_string(bytes));
  }
}

void add_certificates(std::string& out, std::string_view name, const DaemonFigures& of) {
  for (const Certificate& told : of.view.page().certificates) {
    auto service = text_of(told.service);
    if (service.empty()) continue;
    add_sample(out, name, labels(of.daemon, {{"service", service}}),
               std::to_string(told.not_after.load(relaxed)));
  }
}

void add_start(std::string& out, std::string_view name, const DaemonFigures& of) {
  add_sample(out, name, labels(of.daemon, {}), std::to_string(of.view.page().started));
}

void add_version(std::string& out, std::string_view name, const DaemonFigures& of) {
  add_sample(out, std::string(name) + "_info", labels(of.daemon, {{"version", PENNYPOST_VERSION}}),
             "1");
}

constexpr std::array known_families{
    KnownFamily{"pennypost_processes", "gauge", "", "Processes that run, by kind.", &add_processes},
    KnownFamily{"pennypost_process_resident_memory_bytes", "gauge", "bytes",
                "Memory of each process, shared pages included.", &add_memory},
    KnownFamily{"pennypost_certificate_not_after_timestamp_seconds", "gauge", "seconds",
                "When the certificate of a service ends, in seconds since 1970.",
                &add_certificates},
    KnownFamily{"pennypost_start_timestamp_seconds", "gauge", "seconds",
                "When the daemon was started, in seconds since 1970.", &add_start},
    KnownFamily{"pennypost_build", "info", "", "The version that runs.", &add_version},
};

}  // namespace

std::string exposition(std::span<const DaemonFigures> daemons) {
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    std::string_view type = row.type == Type::Counter ? "counter"
                            : row.type == Type::Gauge ? "gauge"
                                                      : "histogram";
    begin_family(out, family_name(row), type, row.type == Type::Histogram ? "seconds" : "",
                 row.help);
    for (const auto& of : daemons) {
      if (has_row(row, of.daemon)) add_row(out, row, places[i], of);
    }
  }
  for (const auto& family : known_families) {
    begin_family(out, family.name, family.type, family.unit, family.help);
    for (const auto& of : daemons) family.add(out, family.name, of);
  }
  return out + "# EOF\n";
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(family_name(row));
  for (const auto& family : known_families) names.emplace_back(family.name);
  return names;
}

}  // namespace pennypost::metrics
