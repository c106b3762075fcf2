#include "smtpd/inbound/named_certificates.h"

#include "common/base/text.h"
#include "store/maps/source.h"

namespace pennypost::smtp {
namespace {

Result<std::vector<store::SourceEntry>> entries_of(const TableRef& table) {
  if (table.type != "hash" && table.type != "texthash") {
    return Error::permanent("tls_server_sni_maps: " + table.text() +
                            " can't be read when the daemon starts; write hash: or texthash:");
  }
  TRY(auto text, store::read_source(table.name));
  return store::parse_source(text, store::SourceSyntax::Table, table.name);
}

}  // namespace

Result<std::vector<TlsContext::NamedCertificate>> read_named_certificates(const Config& config) {
  std::vector<TlsContext::NamedCertificate> named;
  for (const TableRef& table : config.tls_server_sni_maps) {
    TRY(auto entries, entries_of(table));
    for (const auto& entry : entries) {
      TRY(auto files, list_items(entry.value));
      for (const auto& file : files) {
        if (file.starts_with('/')) continue;
        return store::source_error(table.name, entry.line,
                                   "\"" + printable(file, 100) +
                                       "\" is no absolute path; write the files of the key and the "
                                       "certificates of " +
                                       printable(entry.key, 100));
      }
      named.push_back({lower(entry.key), std::move(files)});
      if (named.size() > named_certificates_max) {
        return store::source_error(
            table.name, entry.line,
            "more than " + std::to_string(named_certificates_max) + " names; leave some out");
      }
    }
  }
  return named;
}

}  // namespace pennypost::smtp
