#include "smtpd/commands/master_entries.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>

#include "common/base/text.h"
#include "common/config/layers.h"
#include "smtpd/commands/daemons.h"

namespace pennypost::smtp {
namespace {

struct WellKnownPort {
  Service service;
  std::uint16_t port;
};
constexpr std::array well_known_ports{
    WellKnownPort{Service::Smtp, 25},         WellKnownPort{Service::Submission, 587},
    WellKnownPort{Service::Submissions, 465}, WellKnownPort{Service::Pop3, 110},
    WellKnownPort{Service::Pop3s, 995},       WellKnownPort{Service::Imap, 143},
    WellKnownPort{Service::Imaps, 993},       WellKnownPort{Service::Sieve, 4190}};

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string service_column(const ListeningService& service) {
  auto known = std::ranges::find(well_known_ports, service.port, &WellKnownPort::port);
  if (known == well_known_ports.end()) return std::to_string(service.port);
  return std::string(name_of(known->service));
}

/// What the sections say of a service or transport, as written.
std::vector<MasterEntry::Override> given_in(const OwnSection& section) {
  std::vector<MasterEntry::Override> overrides;
  for (const auto& [key, given] : section.own) {
    if (key != "kind" && key != "port" && key != "socket")
      overrides.push_back({key, one_line(given.text)});
  }
  for (const auto* settings : {&section.settings, &section.overrides}) {
    for (const auto& [index, given] : *settings) {
      if (given.where.starts_with("default of ")) continue;
      overrides.push_back({std::string(parameters()[index].name), one_line(given.text)});
    }
  }
  return overrides;
}

std::vector<MasterEntry::Override> given_for(const Layers& layers, const std::string& name) {
  auto own = layers.own_sections().find("service." + name);
  if (own != layers.own_sections().end()) return given_in(own->second);
  std::vector<MasterEntry::Override> overrides;
  auto service = parse_service(name);
  if (!service) return overrides;
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const auto* given = layers.given(i, *service);
    if (given == nullptr || given == layers.given(i)) continue;
    overrides.push_back({std::string(parameters()[i].name), one_line(given->text)});
  }
  return overrides;
}

bool fits(const MasterEntry& entry, std::string_view name) {
  return name == entry.service || name == entry.key();
}

void print_entry(const MasterEntry& entry, std::ostream& out) {
  out << std::left << std::setw(10) << entry.service << " " << entry.type << "  "
      << (entry.type == "inet" ? "n" : "-") << "  -  " << entry.chroot << "  -  -  "
      << entry.command << "\n";
  for (const auto& one : entry.overrides) {
    const bool needs_braces = one.value.find(' ') != one.value.npos;
    out << "    -o " << (needs_braces ? "{ " : "") << one.name << (needs_braces ? " = " : "=")
        << one.value << (needs_braces ? " }" : "") << "\n";
  }
}

struct Line {
  std::string key;
  std::string value;
};

std::vector<Line> lines_of(char option, const MasterEntry& entry) {
  std::vector<Line> lines;
  auto add = [&](const std::string& name, const std::string& value) {
    lines.push_back({entry.key() + "/" + name, value});
  };
  if (option == 'P') {
    for (const auto& one : entry.overrides) add(one.name, one.value);
    return lines;
  }
  add("service", entry.service);
  add("type", entry.type);
  add("private", entry.type == "inet" ? "n" : "-");
  add("unprivileged", "-");
  add("chroot", entry.chroot);
  add("wakeup", "-");
  add("process_limit", "-");
  add("command", entry.command);
  return lines;
}

}  // namespace

std::vector<MasterEntry> master_entries(const LoadOptions& options, const Config& config) {
  const Layers layers = Layers::read(options);
  std::vector<MasterEntry> entries;
  for (const auto& [daemon, services] : all_daemons()) {
    for (const auto& service : config.listening(services)) {
      const std::string chroot = daemon == "smtpd" ? "y" : "-";
      const std::string command = daemon + (service.is_lmtp ? " (lmtp)" : "");
      if (service.port != 0) {
        entries.push_back(
            {service_column(service), "inet", chroot, command, given_for(layers, service.name)});
      }
      if (service.socket == nullptr) continue;
      entries.push_back(
          {service.socket->path, "unix", chroot, command, given_for(layers, service.name)});
    }
  }
  for (const char* kind :
       {"smtp", "relay", "lmtp", "local", "virtual", "error", "retry", "discard"}) {
    const bool is_client = std::string_view("smtp relay lmtp").find(kind) != std::string_view::npos;
    entries.push_back({kind, "unix", is_client ? "y" : "n", kind, {}});
  }
  for (const auto& [title, section] : layers.own_sections()) {
    if (section.of != OwnSection::Of::Transport) continue;
    const auto* transport = config.find_transport(section.name);
    const bool is_client = transport != nullptr && transport->is_client();
    entries.push_back(
        {section.name, "unix", is_client ? "y" : "n", section.text("kind"), given_in(section)});
  }
  return entries;
}

Result<void> print_master_entries(char option, std::span<const std::string> names,
                                  const std::vector<MasterEntry>& entries, std::ostream& out) {
  std::vector<bool> is_found(names.size());
  for (const auto& entry : entries) {
    bool is_wanted = names.empty();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!fits(entry, names[i])) continue;
      is_wanted = is_found[i] = true;
    }
    if (option == 'M') {
      if (is_wanted) print_entry(entry, out);
      continue;
    }
    for (const auto& line : lines_of(option, entry)) {
      auto named = std::ranges::find(names, line.key);
      if (named != names.end()) is_found[static_cast<std::size_t>(named - names.begin())] = true;
      if (is_wanted || named != names.end()) out << line.key << " = " << line.value << "\n";
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_found[i]) continue;
    return Error::permanent("no service or transport \"" + printable(names[i], 100) +
                            "\"; postconf -M lists them");
  }
  return {};
}

}  // namespace pennypost::smtp
