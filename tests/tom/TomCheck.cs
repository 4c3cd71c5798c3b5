// Reads a folder of TMDL with Microsoft's Tabular Object Model, validates it, and prints what is in it, tab-separated.
// A second argument names a folder to write the model to, as the service would.
using System;
using System.Text;
using Microsoft.AnalysisServices.Tabular;

static class TomCheck
{
    static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        try
        {
            Database database = TmdlSerializer.DeserializeDatabaseFromFolder(arguments[0]);
            var validation = database.Model.Validate();
            foreach (var error in validation.Errors) Console.WriteLine("error\t" + error.Message);
            foreach (Table table in database.Model.Tables) Describe(table);
            foreach (Relationship relationship in database.Model.Relationships) Describe((SingleColumnRelationship)relationship);
            if (arguments.Length > 1) TmdlSerializer.SerializeDatabaseToFolder(database, arguments[1]);
            return validation.ContainsErrors ? 1 : 0;
        }
        catch (Exception exception)
        {
            Console.WriteLine("error\t" + exception.Message.Replace("\r", " ").Replace("\n", " "));
            return 1;
        }
    }

    static void Describe(Table table)
    {
        Console.WriteLine("table\t" + table.Name);
        foreach (Column column in table.Columns)
            if (table.DataCategory != null && column.IsKey) Console.WriteLine("datetable\t" + table.Name + "\t" + table.DataCategory + "\t" + column.Name);
        foreach (Column column in table.Columns)
        {
            string source = column is DataColumn ? ((DataColumn)column).SourceColumn : "";
            Console.WriteLine("column\t" + table.Name + "\t" + column.Name + "\t" + column.DataType + "\t" + source);
        }
        foreach (Measure measure in table.Measures) Console.WriteLine("measure\t" + table.Name + "\t" + measure.Name);
        foreach (Partition partition in table.Partitions)
        {
            var entity = partition.Source as EntityPartitionSource;
            string place = entity == null ? "" : entity.SchemaName + "\t" + entity.EntityName + "\t" + entity.ExpressionSource.Name;
            Console.WriteLine("partition\t" + table.Name + "\t" + partition.Mode + "\t" + place);
        }
    }

    static void Describe(SingleColumnRelationship one)
    {
        Console.WriteLine(string.Join("\t", "relationship", one.FromTable.Name, one.FromColumn.Name, one.FromCardinality,
            one.ToTable.Name, one.ToColumn.Name, one.ToCardinality, one.IsActive, one.CrossFilteringBehavior));
    }
}
